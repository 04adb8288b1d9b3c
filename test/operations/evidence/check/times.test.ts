import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { isBefore, isWithin } from "#operations/evidence/check/times";
import { redEmergency } from "../../evidence-bundles.ts";
import {
  addAttempt,
  canaryOf,
  defined,
  type Forgery,
  fail,
  forgeriesOf,
  instanceOf,
  retiredKeyOf,
  soundOf,
  type Variant,
  verificationOf,
} from "../../forged-evidence.ts";
import { at } from "../../samples.ts";

const backwards = { startedAt: at(16), finishedAt: at(15) };
const refreshed = { instance: "api-7", outcome: "claimed", attempts: 1 } as const;
const restarted = { subject: "deployment/shop-api", because: ["refresh failed"], outcome: "done" } as const;
const announced = { known: [], unproven: [], refresh: [], restarts: [] };

const forgeries: Forgery[] = [
  {
    title: "a phase that ended before it began",
    change: (evidence) => {
      defined(evidence.phases[2]).finishedAt = at(9);
    },
    problem: /^phase cut-over ended before it began/,
  },
  {
    title: "a verification that ended before it began",
    of: redEmergency,
    change: (evidence) => {
      evidence.attempts = [];
      fail(instanceOf(evidence));
      verificationOf(evidence).startedAt = at(33);
    },
    problem: /^the verification ended before it began/,
  },
  {
    title: "an attempt that ended before it began",
    change: (evidence) => addAttempt(evidence, 26, 25),
    problem: /^verification attempt 1 ended before it began/,
  },
  {
    title: "a refresh that ended before it began",
    change: (evidence) => void Object.assign(defined(evidence.refresh[0]), backwards),
    problem: /^the refresh of api-1 ended before it began/,
  },
  {
    title: "a restart that ended before it began",
    change: (evidence) => void evidence.restarts.push({ ...restarted, because: [], ...backwards }),
    problem: /^the restart of deployment\/shop-api ended before it began/,
  },
  {
    title: "a refresh before the cut-over that ended before it began",
    change: (evidence) => {
      evidence.announced = { ...announced, refresh: [{ ...refreshed, ...backwards }] };
    },
    problem: /^the refresh of api-7 ended before it began/,
  },
  {
    title: "a restart before the cut-over that ended before it began",
    change: (evidence) => {
      evidence.announced = { ...announced, restarts: [{ ...restarted, because: [], ...backwards }] };
    },
    problem: /^the restart of deployment\/shop-api ended before it began/,
  },
  {
    title: "phases out of order",
    change: (evidence) => void evidence.phases.reverse(),
    problem: /^the phases are not in the order in which they began/,
  },
  {
    title: "evidence that was written before the run had ended",
    change: (evidence) => {
      evidence.writtenAt = at(22);
    },
    problem: /^phase verify ended after the evidence was written/,
  },
  {
    title: "a JWKS that showed the new set in the very moment in which the key was disabled",
    change: (evidence) => {
      defined(evidence.jwksReadBack[0]).currentAt = at(12);
    },
    problem: /^http:\S+ is listed as showing the new key set before kid old was disabled/,
  },
  {
    title: "two pairs of canary tokens of one key",
    change: (evidence) => {
      const second = structuredClone(canaryOf(evidence));
      second.seen.jti = "jti-second-seen";
      second.unseen.jti = "jti-second-unseen";
      evidence.canaries.push(second);
      const { issuer } = verificationOf(evidence);
      issuer.push({ ...defined(issuer[0]), jti: "jti-second-unseen" });
    },
    problem: /^kid old has two pairs of canary tokens/,
  },
  {
    title: "one canary token that was shown twice",
    change: (evidence) => {
      canaryOf(evidence).unseen.jti = "jti-seen";
      defined(verificationOf(evidence).issuer[0]).jti = "jti-seen";
      for (const { checks } of verificationOf(evidence).instances)
        for (const one of checks) if (one.canary === "unseen") one.jti = "jti-seen";
    },
    problem: /^the token with jti jti-seen is listed twice/,
  },
  {
    title: "a fresh token that counts twice",
    change: (evidence) => {
      const { fresh } = verificationOf(evidence);
      fresh.push(defined(fresh[0]));
    },
    problem: /^the token with jti jti-fresh is listed twice/,
  },
];

const sound: Variant[] = [
  {
    title: "what ended in the moment in which it began",
    change: (evidence) => {
      for (const one of [...evidence.phases, ...evidence.refresh]) one.finishedAt = one.startedAt;
      evidence.announced = { ...announced, refresh: [{ ...refreshed, startedAt: at(3), finishedAt: at(4) }] };
    },
  },
  {
    title: "phases that began at the same time",
    change: (evidence) => {
      defined(evidence.phases[1]).startedAt = defined(evidence.phases[0]).startedAt;
    },
  },
  {
    title: "evidence that was written in the moment in which the last phase ended",
    change: (evidence) => {
      evidence.writtenAt = defined(evidence.phases.at(-1)).finishedAt;
    },
  },
  {
    title: "a JWKS that showed the new set before it was seen that the key is disabled",
    change: (evidence) => {
      retiredKeyOf(evidence).disabledAtIsExact = false;
      defined(evidence.exposureWindow).exact = false;
      defined(evidence.jwksReadBack[0]).currentAt = at(11);
    },
  },
];

forgeriesOf("times", forgeries);
soundOf("times", sound);

suite("times", () => {
  const span = { startedAt: "2026-01-01T10:00:10Z", finishedAt: "2026-01-01T10:00:20.000Z" };

  test("are compared, and not their texts", () => {
    assert.equal(isBefore("2026-01-01T10:00:10Z", "2026-01-01T10:00:10.500Z"), true);
    assert.equal(isBefore("2026-01-01T10:00:10.000Z", "2026-01-01T10:00:10Z"), false);
  });

  for (const [time, is] of [
    [at(9), false],
    [at(10), true],
    [at(15), true],
    [at(20), true],
    [at(21), false],
  ] as const)
    test(`${time} is ${is ? "" : "not "}within a span from :10 to :20`, () => {
      assert.equal(isWithin(time, span), is);
    });
});
