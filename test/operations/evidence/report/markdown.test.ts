import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { buildEvidence } from "#operations/evidence/build-evidence";
import type { Findings } from "#operations/evidence/findings";
import { renderReport } from "#operations/evidence/report/markdown";
import { at, findings, instanceVerification, runContext, verification } from "../../samples.ts";

function render(change: Partial<Findings> = {}, reason?: string): string {
  const run = runContext("evidence");
  return renderReport(
    buildEvidence({ ...run, ...(reason === undefined ? {} : { reason }) }, findings(change), at(40)),
  );
}

function withInstance(instance: string, reason: string): Partial<Findings> {
  const one = instanceVerification({ instance, verified: false, reasons: [reason] });
  return { verification: verification({ verified: false, instances: [one], failures: [reason] }) };
}

/** The report's tables, each as rows of cells; a bar counts only where it is not escaped. */
function tables(report: string): string[][][] {
  return report
    .split("\n\n")
    .filter((block) => block.startsWith("|"))
    .map((block) =>
      block
        .trimEnd()
        .split("\n")
        .map((line) => line.split(/(?<!\\)\|/).slice(1, -1)),
    );
}

const hostile = [
  "a | b",
  "a \\| b",
  "line\nbreak | x\r\n# heading",
  "<script>alert(1)</script>",
  "`code` <img src=x onerror=alert(1)>",
  "\u2028separator",
];

suite("renderReport", () => {
  test("it has every section that an auditor looks for", () => {
    const titles = [...render().matchAll(/^## (.+)$/gm)].map(([, title]) => title);
    assert.deepEqual(titles, [
      "What was not proven",
      "Timeline (UTC)",
      "Keys",
      "JWKS as published",
      "Instances",
      "Refresh",
      "Issuer",
      "Canary tokens",
      "Verification attempts",
      "Files",
    ]);
  });

  test("the first line says what came of it", () => {
    assert.match(render(), /^# Key rotation 8, incident INC-4711: VERIFIED\n/);
    assert.match(
      render(withInstance("api-1", "still accepts kid old")),
      /^# Key rotation 8, incident INC-4711: FAILED\n/,
    );
  });

  test("it shows the exposure window in seconds with its ends", () => {
    assert.ok(render().includes(`| Exposure window | 18.0 s (${at(12)} to ${at(30)}) |`));
  });

  test("an open exposure window is called open", () => {
    const { provenAt: _, ...never } = instanceVerification({ verified: false, proof: "unproven" });
    assert.match(
      render({ verification: verification({ verified: false, instances: [never] }) }),
      /Exposure window \| open \|/,
    );
  });

  test("an inexact exposure window is an upper bound, and the key's end a lower one", () => {
    const { cutover } = findings();
    const retired = cutover.retired.map((key) => ({ ...key, disabledAtIsExact: false }));
    const report = render({ cutover: { ...cutover, retired } });
    assert.match(report, /Exposure window \| at most 18\.0 s/);
    assert.ok(report.includes(`not before ${at(12)}`));
  });

  test("every line of notProven is in it", () => {
    for (const change of [
      {},
      withInstance("api-1", "still accepts kid old"),
      { cutover: { ...findings().cutover, retired: [] } },
    ]) {
      const { notProven } = buildEvidence(runContext("evidence"), findings(change), at(40));
      const report = render(change);
      for (const line of notProven) assert.ok(report.includes(`- ${line}\n`), line);
    }
  });

  test("a run that failed early is a report too, with the failed phase and its error", () => {
    const phase = {
      phase: "canary",
      outcome: "failed",
      startedAt: at(0),
      finishedAt: at(1),
      summary: "failed",
    } as const;
    const found: Findings = { phases: [{ ...phase, error: "KEYCLOAK_UNREACHABLE: down. Next: start it." }] };
    const report = renderReport(buildEvidence(runContext("evidence"), found, at(2)));
    assert.match(report, /Failed phase \| canary: KEYCLOAK_UNREACHABLE: down/);
    assert.match(report, /Nothing was verified/);
    assert.doesNotMatch(report, /undefined|NaN|null/);
  });

  for (const text of hostile) {
    test(`an instance called ${JSON.stringify(text)} neither breaks a table nor becomes markup`, () => {
      const usual = tables(render(withInstance("api-1", "x"))).map((table) => table.map((row) => row.length));
      const report = render(withInstance(text, text), text);
      assert.deepEqual(
        tables(report).map((table) => table.map((row) => row.length)),
        usual,
      );
      assert.doesNotMatch(report, /(?<!\\)<(script|img)/);
      assert.doesNotMatch(report, /^# heading/m);
    });
  }

  for (const text of [
    "![x](http://tracker.example/pixel.png)",
    "[VERIFIED](http://evil.example)",
    "**yes**",
  ]) {
    test(`an instance that claims a kid ${text} does not get it rendered`, () => {
      const refresh = findings().refresh?.map((one) => ({ ...one, kids: [text] })) ?? [];
      assert.ok(!render({ refresh }).includes(text));
    });
  }
});
