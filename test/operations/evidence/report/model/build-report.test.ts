import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { buildEvidence } from "#operations/evidence/build-evidence";
import type { Evidence } from "#operations/evidence/evidence-schema";
import { buildReport } from "#operations/evidence/report/model/build-report";
import type { Block, Report } from "#operations/evidence/report/model/report";
import { plainText } from "#operations/evidence/report/model/text";
import { emergency, planned, redEmergency, restartedEmergency } from "../../../evidence-bundles.ts";
import { at, findings, instanceVerification, runContext, verification } from "../../../samples.ts";

const run = runContext("evidence");
const green = buildEvidence(run, emergency(), at(40));
const red = buildEvidence(run, redEmergency(), at(40));
const overlap = buildEvidence({ ...run, mode: "planned", stage: "overlap" }, planned(), at(40));
const restarted = buildEvidence(run, restartedEmergency(), at(40));
const early = buildEvidence(run, { phases: [] }, at(40));

function blocksOf({ sections }: Report, title: string): readonly Block[] {
  return sections.find((section) => section.title === title)?.blocks ?? [];
}

/** The rows of a section's first table, as text. */
function rowsOf(evidence: Evidence, title: string): Record<string, string>[] {
  const table = blocksOf(buildReport(evidence), title).find((block) => block.kind === "table");
  return (table?.rows ?? []).map((row) =>
    Object.fromEntries(row.map((cell, index) => [table?.columns[index] ?? "", plainText(cell)])),
  );
}

function factOf(evidence: Evidence, name: string): string | undefined {
  return buildReport(evidence).facts.find((fact) => fact.name === name)?.value;
}

suite("what a report says of the outcome", () => {
  for (const [title, evidence, outcome] of [
    ["a green emergency", green, { kind: "good", text: "VERIFIED" }],
    ["a red emergency", red, { kind: "bad", text: "FAILED" }],
    ["an overlap", overlap, { kind: "good", text: "VERIFIED" }],
    ["a run that ended early", early, { kind: "bad", text: "FAILED" }],
  ] as const)
    test(`${title}: ${outcome.text}`, () => assert.deepEqual(buildReport(evidence).outcome, outcome));

  test("the title has the incident where there is one", () => {
    assert.equal(buildReport(green).title, "Key rotation 8, incident INC-4711");
    assert.equal(buildReport({ ...green, incident: "" }).title, "Key rotation 8");
  });

  test("a failed phase and its error are one sentence", () => {
    assert.equal(buildReport(green).failure, undefined);
    const failed = { ...red, failedPhase: "verify", error: "api-2 is down" } as const;
    assert.equal(buildReport(failed).failure, "Failed in phase verify: api-2 is down");
  });
});

suite("what failed and what limits the proof", () => {
  test("a green report has a scope, and nothing that was not proven", () => {
    const report = buildReport(green);
    assert.equal(report.notProven, undefined);
    const [, list] = blocksOf(report, "Scope");
    assert.deepEqual(list, { kind: "list", lines: green.notProven, isBad: false });
  });

  test("a red report has the failures alone as not proven", () => {
    const report = buildReport(red);
    const lines = ["api-2 still accepts kid old (its seen canary)."];
    assert.deepEqual(report.notProven?.blocks, [{ kind: "list", lines, isBad: true }]);
    assert.equal(blocksOf(report, "Scope").length, 2);
  });

  for (const [title, evidence, sentence] of [
    ["an overlap", overlap, /^No key is retired yet: old no longer signs, and is trusted until/],
    ["a restarted pod", restarted, /^1 instance was not asked before .*weaker than replayed/],
  ] as const)
    test(`${title} is a matter of scope`, () => {
      const report = buildReport(evidence);
      assert.equal(report.notProven, undefined);
      const [, list] = blocksOf(report, "Scope");
      assert.ok(list?.kind === "list" && list.lines.some((line) => sentence.test(line)));
    });

  test("in a bundle of an older version, which has no scope, everything counts as not proven", () => {
    const { scope: _, ...older } = green;
    const report = buildReport(older);
    assert.deepEqual(report.notProven?.blocks, [{ kind: "list", lines: green.notProven, isBad: true }]);
    assert.deepEqual(blocksOf(report, "Scope"), []);
  });
});

suite("facts", () => {
  for (const [title, evidence, name, value] of [
    ["an exact window", green, "Exposure window", `18.0 s (${at(12)} to ${at(30)})`],
    ["a window that is still open", red, "Exposure window", "open"],
    ["a window without a retired key", overlap, "Exposure window", "none: no key was retired"],
    ["instances, all verified", green, "Instances verified", "2 of 2"],
    ["instances, one not verified", red, "Instances verified", "1 of 2"],
    ["instances, none asked", early, "Instances verified", "0 of 0"],
    ["mode emergency", green, "Mode", "emergency"],
    ["mode planned", overlap, "Mode", "planned, the old keys are still trusted"],
    ["keys that were retired", green, "Retired", "old (RS256)"],
    ["keys, none retired", overlap, "Retired", "none"],
    ["keys, not read", early, "Now signing", "not read"],
    [
      "keys that are still trusted",
      overlap,
      "Trusted until retired",
      `old (RS256); the first up after ${at(3_600)} retires them`,
    ],
    ["no key that is still trusted", green, "Trusted until retired", undefined],
    ["no deleted key", green, "Deleted", undefined],
  ] as const)
    test(title, () => assert.equal(factOf(evidence, name), value));

  test("a window is an upper bound where a key's end is not exact", () => {
    const { cutover } = findings();
    const retired = cutover.retired.map((key) => ({ ...key, disabledAtIsExact: false }));
    const inexact = buildEvidence(run, findings({ cutover: { ...cutover, retired } }), at(40));
    assert.match(factOf(inexact, "Exposure window") ?? "", /^at most 18\.0 s/);
  });
});

suite("the table of instances", () => {
  test("a red row says why, and marks the wrong answer", () => {
    const [, row] = rowsOf(red, "Instances");
    assert.deepEqual(
      [row?.Instance, row?.Verified, row?.Proof, row?.["Why not"], row?.["Retired key"]],
      [
        "api-2",
        "NO",
        "unproven",
        "still accepts kid old (its seen canary)",
        "rejected (401), accepted (200)",
      ],
    );
  });

  test("a column that is empty for every instance is left out", () => {
    const [row] = rowsOf(green, "Instances");
    assert.deepEqual(Object.keys(row ?? {}), [
      "Instance",
      "Verified",
      "Proof",
      "Before the cut-over",
      "Retired key",
      "Control token",
      "Fresh token",
      "Forged tokens",
      "Proven at",
    ]);
  });

  test("a pod that started after the cut-over has its start and its log line", () => {
    const [first, second] = rowsOf(restarted, "Instances");
    assert.equal(first?.["Started after the cut-over"], "");
    assert.equal(second?.["Started after the cut-over"], "2026-01-01T10:00:12Z: jwks loaded");
  });

  test("answers to the tokens of keys that earlier rotations retired have a column", () => {
    const check = {
      check: "earlier",
      subject: "older",
      expected: "rejected",
      verdict: { kind: "accepted", status: 200 },
      ok: false,
      at: at(31),
    } as const;
    const one = instanceVerification({ checks: [check], verified: false, reasons: ["accepts older"] });
    const evidence = buildEvidence(
      run,
      findings({ verification: verification({ verified: false, instances: [one] }) }),
      at(40),
    );
    assert.equal(rowsOf(evidence, "Instances")[0]?.["Keys retired earlier"], "accepted (200)");
  });

  test("instances that are not in it are named below it, and none at all is said", () => {
    const text = (evidence: Evidence) =>
      blocksOf(buildReport(evidence), "Instances").flatMap((block) =>
        block.kind === "sentence" ? [plainText(block.text)] : [],
      );
    assert.deepEqual(text(restarted), ["Verified, but gone before the last check: api-2"]);
    assert.deepEqual(text(early), ["No instance was verified."]);
  });
});

suite("the other tables", () => {
  test("each key has its state before and after, and what became of it", () => {
    assert.deepEqual(rowsOf(green, "Keys before and after"), [
      {
        Kid: "old",
        Algorithm: "RS256",
        "Key provider": "name-old",
        Before: "ACTIVE, signs, priority 100",
        After: "DISABLED, priority 100",
        "Disabled at": at(12),
      },
      {
        Kid: "new (new)",
        Algorithm: "RS256",
        "Key provider": "name-new",
        Before: "absent",
        After: "ACTIVE, signs, priority 101",
        "Disabled at": "",
      },
    ]);
  });

  test("each phase has its duration, and its error instead of its summary", () => {
    const [row] = rowsOf(green, "Timeline (UTC)");
    assert.deepEqual(
      [row?.Phase, row?.Duration, row?.["What happened"]],
      ["canary", "4.00 s", "canary went well"],
    );
    const phases = green.phases.map((one) => ({ ...one, outcome: "failed" as const, error: "down" }));
    assert.equal(rowsOf({ ...green, phases }, "Timeline (UTC)")[0]?.["What happened"], "down");
  });

  test("an instance is named with its target", () => {
    const refresh = green.refresh.map((one) => ({ ...one, target: "eu-west" }));
    assert.equal(rowsOf({ ...green, refresh }, "Refresh")[0]?.Instance, "eu-west/api-1");
  });

  test("a section with nothing in it is left out", () => {
    const titles = buildReport(early).sections.map(({ title }) => title);
    assert.deepEqual(titles, ["Instances", "Scope", "Files"]);
  });
});
