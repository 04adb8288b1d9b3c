import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { RotationError } from "#operations/base/errors";
import { exitCodeOf, type Finding, findingFrom, findingOf, outcomeOf } from "#operations/doctor/finding";

const finding = (severity: Finding["severity"]): Finding => ({
  code: "NOT_CHECKED",
  severity,
  realm: "",
  what: "something",
  emergency: "something happens",
  next: "do something",
});
const common = { realm: "shop", severity: "problem", emergency: "it ends red" } as const;

suite("the findings of the doctor", () => {
  test("only what an emergency survives green has exit code 0: what could not be checked has not", () => {
    assert.equal(exitCodeOf([]), 0);
    assert.equal(exitCodeOf([finding("warning")]), 0);
    for (const severity of ["critical", "problem", "unknown"] as const)
      assert.equal(exitCodeOf([finding("warning"), finding(severity)]), 1);
  });

  test("a check is as bad as its worst finding", () => {
    assert.equal(outcomeOf({ findings: [] }), "ok");
    assert.equal(outcomeOf({ findings: [], skipped: true }), "skipped");
    const findings = [finding("warning"), finding("critical"), finding("problem")];
    assert.equal(outcomeOf({ findings }), "critical");
  });

  test("an error of the program keeps its code and its next step, without a run that there was not", () => {
    const error = new RotationError("KEYCLOAK_UNREACHABLE", "no answer", {
      nextStep: "check keycloak:url, then run the same command again",
    });
    const expected = { code: error.code, what: "no answer", next: "check keycloak:url", ...common };
    assert.deepEqual(findingOf(error, common), expected);
    assert.deepEqual(findingFrom(error.message, common), expected);
    assert.throws(() => findingOf(new TypeError("a bug"), common), TypeError);
  });

  test("a problem without a code is one of the config", () => {
    const { code, what } = findingFrom("rotation: 1 is lower than 7", common);
    assert.deepEqual([code, what], ["SETTINGS_INVALID", "rotation: 1 is lower than 7"]);
  });
});
