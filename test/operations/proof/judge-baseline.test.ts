import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { managedKeyName } from "#operations/keys/realm-keys";
import type { Baseline } from "#operations/proof/canary-findings";
import { refuseGaps, refuseRejected, unknownEverywhere } from "#operations/proof/judge-baseline";
import type { Verdict } from "#operations/proof/probe";
import { realmKey, soundBefore } from "../samples.ts";

const accepted: Verdict = { kind: "accepted", status: 200 };
const rejected: Verdict = { kind: "rejected", status: 401 };
const silent: Verdict = { kind: "inconclusive", reason: "connection refused" };

/** One instance for each verdict on the key `old`. */
function baselineOf(...verdicts: Verdict[]): Baseline[] {
  return verdicts.map((verdict, index) => ({
    instance: `api-${index + 1}`,
    verdicts: [{ ...soundBefore("old"), verdict }],
  }));
}

suite("refuseRejected", () => {
  for (const [title, verdicts] of [
    ["one instance accepts the key's canary token", [accepted, rejected]],
    ["no instance gives a verdict: it may be the instances, not the probe", [silent, silent]],
    ["there is no instance", []],
  ] as const) {
    test(`the run goes on where ${title}`, () => refuseRejected("old", baselineOf(...verdicts)));
  }

  test("where instances reject and none accepts, the probe is wrong and they are named", () => {
    assert.throws(() => refuseRejected("old", baselineOf(rejected, silent)), {
      code: "BASELINE_REJECTED",
      message: /kid old \(rejected by api-1\)/,
    });
  });
});

suite("an instance's answers on several keys", () => {
  const [sound, other] = [soundBefore("old"), soundBefore("other")];
  const answered = (...verdicts: Baseline["verdicts"]) => [{ instance: "api-1", verdicts }];

  test("are told apart: that it accepts another key's canary token does not make the probe right", () => {
    assert.throws(() => refuseRejected("old", answered(other, { ...sound, verdict: rejected })), {
      code: "BASELINE_REJECTED",
    });
  });

  test("are one gap, however many of them are missing", () => {
    const gaps = answered({ ...sound, verdict: silent }, { ...other, verdict: silent });
    assert.throws(() => refuseGaps({ baseline: gaps, notAsked: [] }), {
      code: "BASELINE_INCOMPLETE",
      message: /^(?!.*kid other).*api-1 did not accept .* kid old/,
    });
  });

  test("show a probe that can't say no in any one of them", () => {
    const taking = answered(sound, { ...other, forged: { verdict: accepted } });
    assert.throws(() => refuseGaps({ baseline: taking, notAsked: [] }), { code: "PROBE_TAKES_FORGERIES" });
  });
});

suite("refuseGaps", () => {
  test("every instance that accepts leaves no gap", () =>
    refuseGaps({ baseline: baselineOf(accepted, accepted), notAsked: [] }));

  for (const [title, baseline, notAsked, message] of [
    [
      "an instance that rejects",
      baselineOf(accepted, rejected),
      [],
      /api-2 did not accept .* kid old .*rejected \(401\)/,
    ],
    [
      "an instance that does not answer",
      baselineOf(silent),
      [],
      /api-1 did not accept .* kid old .*inconclusive/,
    ],
    ["a pod that was not asked", baselineOf(accepted), ["api-9 was not ready"], /api-9 was not ready/],
  ] as const) {
    test(`${title} is a gap, and is named`, () => {
      assert.throws(() => refuseGaps({ baseline, notAsked: [...notAsked] }), {
        code: "BASELINE_INCOMPLETE",
        message,
      });
    });
  }
});

suite("refuseGaps, of forged tokens", () => {
  test("an instance that takes one has a probe that can't say no, and is named", () => {
    const [sound] = baselineOf(accepted);
    assert.ok(sound);
    const taking = { ...soundBefore("old"), forged: { verdict: accepted } };
    const baseline = [sound, { instance: "api-2", verdicts: [taking] }];
    assert.throws(() => refuseGaps({ baseline, notAsked: [] }), {
      code: "PROBE_TAKES_FORGERIES",
      message: /api-2 accepted a token with a wrong signature: its probe can't say no/,
    });
  });

  test("an instance that gives no verdict on one is a gap", () => {
    const unsure = { ...soundBefore("old"), forged: { verdict: silent } };
    assert.throws(() => refuseGaps({ baseline: [{ instance: "api-1", verdicts: [unsure] }], notAsked: [] }), {
      code: "BASELINE_INCOMPLETE",
      message: /api-1 was not seen to reject a forged token/,
    });
  });
});

suite("unknownEverywhere", () => {
  const untried = realmKey("old", { componentName: managedKeyName(7, "RS256"), priority: 0 });
  for (const [title, key, verdicts, expected] of [
    ["a key that was published and never signed, and that every instance rejects", untried, [rejected], true],
    ["the same key where no instance answers", untried, [silent], true],
    ["the same key where an instance accepts it", untried, [rejected, accepted], false],
    ["a key that has signed", { ...untried, priority: 101 }, [rejected], false],
    ["an unmanaged key", realmKey("old", { priority: 0 }), [rejected], false],
  ] as const) {
    test(`${title}: ${expected}`, () => {
      assert.deepEqual(unknownEverywhere([key], baselineOf(...verdicts)), expected ? ["old"] : []);
    });
  }
});
