import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { buildEvidence, exposureWindow } from "#operations/evidence/build-evidence";
import { evidenceJsonSchema, evidenceSchema } from "#operations/evidence/evidence-schema";
import type { Findings } from "#operations/evidence/findings";
import { relapsedEmergency, watchedEmergency } from "../evidence-bundles.ts";
import {
  at,
  type FindingsChange,
  findings,
  instanceVerification,
  runContext,
  verification,
} from "../samples.ts";

const run = runContext("evidence");
const build = (change: FindingsChange = {}) => buildEvidence(run, findings(change), at(40));
const ajv = new Ajv2020({ allErrors: true });
addFormats.default(ajv);
const matchesJsonSchema = ajv.compile(evidenceJsonSchema());

const [retired] = findings().cutover.retired;
assert.ok(retired);
const cutover = findings().cutover;
const unproven = instanceVerification({
  proof: "unproven",
  verified: false,
  reasons: ["still accepts kid old"],
});
const { provenAt: _, ...neverProven } = unproven;

function failedAt(phase: "canary" | "cut-over"): Findings {
  const time = { startedAt: at(0), finishedAt: at(1) };
  const error = "KEYCLOAK_UNREACHABLE: down. Next: start it.";
  return { phases: [{ phase, outcome: "failed", ...time, summary: "failed", error }] };
}

const bundles: [string, Findings][] = [
  ["a rotation that was watched after its proof", watchedEmergency()],
  ["a rotation in which a retired key came back", relapsedEmergency()],
  ["a rotation that went well", findings()],
  ["a rotation that failed in its first phase", failedAt("canary")],
  ["a rotation that failed at the cut-over", { ...failedAt("cut-over"), prepared: findings().prepared }],
  [
    "a rotation with an unproven instance",
    findings({ verification: verification({ verified: false, instances: [neverProven] }) }),
  ],
  [
    "a rotation whose verification could ask nobody",
    findings({ verification: verification({ verified: false, instances: [], failures: ["down"] }) }),
  ],
];

suite("evidence.json", () => {
  for (const [title, found] of bundles) {
    test(`${title} gives evidence that fits the zod schema`, () => {
      evidenceSchema.parse(buildEvidence(run, found, at(40)));
    });

    test(`${title} gives evidence that fits the published JSON Schema, as written`, () => {
      const written: unknown = JSON.parse(JSON.stringify(buildEvidence(run, found, at(40))));
      assert.ok(matchesJsonSchema(written), ajv.errorsText(matchesJsonSchema.errors));
    });
  }

  for (const [title, change] of [
    ["another version", { schemaVersion: 3 }],
    ["an unknown outcome", { outcome: "probably" }],
    ["a time that is not UTC", { writtenAt: "2026-01-01T10:00:00+02:00" }],
    ["a rotation of 0", { rotation: 0 }],
    ["an unknown property", { token: "eyJ" }],
  ] as const) {
    test(`both schemas reject ${title}`, () => {
      const wrong = { ...build(), ...change };
      assert.equal(evidenceSchema.safeParse(wrong).success, false);
      assert.equal(matchesJsonSchema(wrong), false);
    });
  }

  test("the schema has no place for a canary token itself", () => {
    const evidence = build();
    const canaries = evidence.canaries.map((one) => ({ ...one, seen: { ...one.seen, token: "eyJ" } }));
    assert.equal(matchesJsonSchema({ ...evidence, canaries }), false);
  });
});

suite("buildEvidence", () => {
  test("all phases done and verified is `verified`, with the exposure window", () => {
    const evidence = build();
    assert.deepEqual(
      [evidence.outcome, evidence.failedPhase, evidence.exposureWindow?.ms],
      ["verified", undefined, 18_000],
    );
  });

  test("a failed phase is named with its error, and nothing counts as verified", () => {
    const evidence = buildEvidence(run, failedAt("cut-over"), at(40));
    assert.deepEqual([evidence.outcome, evidence.failedPhase], ["failed", "cut-over"]);
    assert.match(evidence.error ?? "", /^KEYCLOAK_UNREACHABLE/);
    assert.match(evidence.notProven[0] ?? "", /Nothing was verified: the run ended in phase cut-over/);
  });

  test("without a verification the outcome is failed, even if no phase has failed", () => {
    const { proof: _gone, ...found } = findings();
    assert.equal(buildEvidence(run, found, at(40)).outcome, "failed");
  });

  test("a red verification makes the outcome failed", () => {
    assert.equal(
      build({ verification: verification({ verified: false, failures: ["x"] }) }).outcome,
      "failed",
    );
  });

  test("a failed refresh that the verification repaired and proved leaves the outcome verified", () => {
    const phases = findings().phases.map((one) =>
      one.phase === "enforce" ? { ...one, outcome: "failed" as const } : one,
    );
    assert.equal(build({ phases }).outcome, "verified");
  });

  test("what an instance did not prove is a sentence in notProven", () => {
    const { notProven } = build({
      verification: verification({ verified: false, failures: ["api-1 still accepts kid old"] }),
    });
    assert.ok(notProven.includes("api-1 still accepts kid old."));
  });

  test("so is what the issuer did not prove", () => {
    const failure = "Keycloak's userinfo does not reject retired kid old";
    const { notProven } = build({ verification: verification({ verified: false, failures: [failure] }) });
    assert.ok(notProven.some((line) => line.includes(failure)));
  });

  test("so is a skipped baseline", () => {
    const { canary } = findings().prepared;
    assert.match(
      build({ canary: { ...canary, baselineSkipped: true } }).notProven.join(),
      /No instance answered/,
    );
  });

  test("a rotation that retired nothing says so", () => {
    assert.match(build({ cutover: { ...cutover, retired: [] } }).notProven.join(), /No key was retired/);
  });

  test("a verified rotation also says what no rotation can prove", () => {
    const { notProven } = build();
    assert.equal(notProven.length, 4);
    assert.match(
      notProven.join(),
      /outside the configured targets.*probe\.watchSeconds is 0.*HS512.*not known/,
    );
  });
});

suite("the watch in the evidence", () => {
  const relapsed = buildEvidence(run, relapsedEmergency(), at(60));

  test("a relapse makes the outcome failed, in phase watch, with an open exposure window", () => {
    assert.deepEqual(
      [relapsed.outcome, relapsed.failedPhase, relapsed.exposureWindow],
      ["failed", "watch", undefined],
    );
    assert.match(relapsed.error ?? "", /^RELAPSED: [\s\S]*api-2 \(process w3\)[\s\S]*cdn\.example/);
    assert.match(
      relapsed.notProven.slice(0, 2).join(),
      /^api-2 \(process w3\) accepts retired kid old again .*cdn\.example\/jwks shows retired kid old again/,
    );
  });

  for (const [title, change, sentence] of [
    ["a whole watch", { unanswered: [] }, /watched for 30 s after the proof/],
    [
      "a watch that was cut short",
      { cutShort: true, finishedAt: at(45), unanswered: [] },
      /cut short after 12 of 30 s/,
    ],
    [
      "a watch with gaps",
      { unanswered: [{ from: "api-1", count: 3, reason: "HTTP 500" }] },
      /Not every question .* was answered: api-1 \(3 times\)/,
    ],
  ] as const)
    test(`${title} leaves the run verified, and is said in the scope`, () => {
      const evidence = buildEvidence(
        run,
        watchedEmergency({ ...change, unanswered: [...change.unanswered] }),
        at(70),
      );
      assert.equal(evidence.outcome, "verified");
      assert.match((evidence.scope ?? []).join(), sentence);
      assert.deepEqual(evidence.notProven, evidence.scope);
    });
});

suite("exposureWindow", () => {
  const proven = (...times: number[]) => ({
    instances: times.map((time) => instanceVerification({ provenAt: at(time) })),
    unseen: [],
  });
  const off = (time: number, exact = true) => ({
    ...retired,
    disabledAt: at(time),
    disabledAtIsExact: exact,
  });

  test("it runs from the first key's disabling to the last instance's proof", () => {
    const window = exposureWindow({ retired: [off(12), off(10)] }, proven(30, 45, 20));
    assert.deepEqual(window, { from: at(10), to: at(45), ms: 35_000, exact: true });
  });

  test("one key that was disabled at an inexact time makes it inexact", () => {
    assert.equal(exposureWindow({ retired: [off(12), off(10, false)] }, proven(30))?.exact, false);
  });

  test("it is never negative", () => {
    assert.equal(exposureWindow({ retired: [off(12)] }, proven(5))?.ms, 0);
  });

  test("it is open while one instance is unproven", () => {
    const instances = [...proven(30).instances, neverProven];
    assert.equal(exposureWindow({ retired: [off(12)] }, { instances, unseen: [] }), undefined);
  });

  test("it is open while an instance that was proven earlier could not be asked again", () => {
    assert.equal(exposureWindow({ retired: [off(12)] }, { instances: [unproven], unseen: [] }), undefined);
  });

  for (const [title, arguments_] of [
    ["no cut-over", [undefined, proven(30)]],
    ["no verification", [{ retired: [off(12)] }, undefined]],
    ["no retired key", [{ retired: [] }, proven(30)]],
    ["no instance", [{ retired: [off(12)] }, proven()]],
  ] as const) {
    test(`${title}, no window`, () => {
      const [cut, verified] = arguments_;
      assert.equal(exposureWindow(cut && { retired: [...cut.retired] }, verified), undefined);
    });
  }
});
