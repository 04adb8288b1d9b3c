import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { AskedInstance } from "#operations/doctor/ask-instance";
import type { Examined, Finding } from "#operations/doctor/finding";
import { buildReport, type DoctorReport } from "#operations/doctor/report";
import { renderText } from "../../scripts/doctor/render.ts";

const finding = (severity: Finding["severity"], what = "something"): Finding => ({
  code: "NOT_CHECKED",
  severity,
  realm: "shop",
  what,
  emergency: "something happens",
  next: "do something",
});
const examined = (findings: Finding[], realm = "shop"): Examined => ({
  check: "roles",
  realm,
  seen: "manage-realm",
  findings,
});
const instance = (name: string, isSilent = false): AskedInstance & { realm: string } => ({
  realm: "shop",
  instance: name,
  answers: isSilent
    ? [
        {
          token: "good",
          algorithm: "RS256",
          verdict: { kind: "inconclusive", reason: "late", unanswered: true },
        },
      ]
    : [{ token: "good", algorithm: "RS256", verdict: { kind: "accepted", status: 200 } }],
  refresh: { outcome: "done" },
});
function report(checks: Examined[], instances: DoctorReport["instances"] = []): DoctorReport {
  return buildReport({
    stack: "prod",
    checkedAt: "2026-01-01T10:00:00.000Z",
    tookMs: 1_200,
    examined: checks,
    instances,
  });
}

suite("the doctor's report", () => {
  test("the headline is that of the worst finding", () => {
    const headlines = (
      [[], ["warning"], ["warning", "unknown"], ["unknown", "problem"], ["problem", "critical"]] as const
    ).map((severities) => {
      const checks = severities.map((severity) => examined([finding(severity, severity)]));
      return renderText(report(checks))
        .split("\n")[0]
        ?.replace(/^.*Z: (.*) \(1\.2 s; no key was changed\)$/, "$1");
    });
    assert.deepEqual(headlines, [
      "ready",
      "ready, with warnings",
      "NOT SHOWN TO BE READY: not everything could be checked",
      "NOT READY: an emergency would disable the key, but not do all that it should",
      "NOT READY: an emergency might leave the stolen key alive",
    ]);
  });

  test("a finding says what was found, what an emergency would do, and what to do now; text of others draws no lines", () => {
    const text = renderText(report([examined([finding("problem", "api-1\n\u001b[2Jsays no")])]));
    assert.ok(
      text.includes(
        "PROBLEM NOT_CHECKED in realm shop\n  api-1 [2Jsays no\n  in an emergency: something happens\n  next: do something",
      ),
      text,
    );
    assert.match(text, /\nNot ready: 1 problem\. Do what is said at next, then run this check again\.$/);
  });

  test("what several checks stumble over is said once, where it is worst", () => {
    const { findings } = report([examined([finding("unknown")]), examined([finding("critical")])]);
    assert.deepEqual(
      findings.map(({ severity }) => severity),
      ["critical"],
    );
  });

  test("of a thousand instances twenty are shown, those with something wrong first", () => {
    const all = Array.from({ length: 1_000 }, (_, index) => instance(`api-${index}`, index >= 970));
    const text = renderText(report([examined([])], all));
    assert.equal(text.match(/│ api-\d+/g)?.length, 20);
    assert.match(text, /│ api-970 +│ NO ANSWER/);
    assert.ok(
      text.includes("and 980 more instances, 10 of them not as they should be; --json FILE lists them all"),
    );
  });

  test("with several realms each check says whose it is", () => {
    assert.ok(!renderText(report([examined([])])).includes("│ realm"));
    assert.match(renderText(report([examined([]), examined([], "bank")])), /│ bank +│ roles/);
  });
});
