import { redEmergency, restartedEmergency, twoSigners } from "../../evidence-bundles.ts";
import {
  accepted,
  addAttempt,
  canaryOf,
  checkOf,
  defined,
  type Forgery,
  fail,
  forgeriesOf,
  instanceOf,
  rejected,
  retiredCheck,
  retiredKeyOf,
  soundOf,
  type Variant,
  verificationOf,
  withoutChecks,
} from "../../forged-evidence.ts";
import { at } from "../../samples.ts";

type Evidence = Parameters<Forgery["change"]>[0];

const noControl =
  /^api-[12] has proof level replayed, but it was not seen to accept the control token beside the (seen|unseen) canary token of kid old/;

function controlOf(evidence: Evidence) {
  return defined(verificationOf(evidence).controls?.[0]);
}

function provenAt(evidence: Evidence, seconds: number): void {
  for (const instance of verificationOf(evidence).instances) instance.provenAt = at(seconds);
  const from = retiredKeyOf(evidence).disabledAt;
  const ms = Math.max(0, Date.parse(at(seconds)) - Date.parse(from));
  evidence.exposureWindow = { from, to: at(seconds), ms, exact: true };
}

/** A pod whose canary tokens have expired, so that only its start is known. */
function withoutReplay(evidence: Evidence, seconds: number): void {
  const pod = instanceOf(evidence, 1);
  pod.checks = pod.checks.filter(({ check }) => check !== "retired");
  pod.provenAt = at(seconds);
}

const forgeries: Forgery[] = [
  {
    title: "an answer on a key that was not retired",
    change: (evidence) => {
      const { jti: _jti, ...one } = retiredCheck(evidence);
      instanceOf(evidence).checks.push({ ...one, subject: "other" });
    },
    problem: /^api-1 has proof level replayed, but kid other is not retired/,
  },
  {
    title: "a proof of an instance that accepted the token",
    of: redEmergency,
    change: (evidence) => {
      fail(instanceOf(evidence));
      Object.assign(retiredCheck(evidence), { verdict: accepted, ok: false });
    },
    problem: /^api-1 has proof level replayed, but it answered accepted to the seen canary token of kid old/,
  },
  {
    title: "no control token asked about",
    change: (evidence) => withoutChecks(evidence, "control"),
    problem: noControl,
  },
  {
    title: "a control token that was refused",
    of: redEmergency,
    change: (evidence) => {
      fail(instanceOf(evidence));
      Object.assign(checkOf(evidence, "control"), { verdict: rejected, ok: false });
    },
    problem: noControl,
  },
  {
    title: "another token than the control token",
    change: (evidence) => {
      checkOf(evidence, "control").jti = "jti-other";
    },
    problem: noControl,
  },
  {
    title: "a control token of another key",
    change: (evidence) => {
      checkOf(evidence, "control").subject = "other";
    },
    problem: noControl,
  },
  {
    title: "a control token asked about as something else",
    change: (evidence) => {
      checkOf(evidence, "control").check = "passive";
    },
    problem: noControl,
  },
  {
    title: "a control token that a key signed which does not sign",
    change: (evidence) => {
      controlOf(evidence).kid = "other";
      for (const { checks } of verificationOf(evidence).instances)
        for (const one of checks) if (one.check === "control") one.subject = "other";
    },
    problem: noControl,
  },
  {
    title: "no control token at all",
    change: (evidence) => {
      delete verificationOf(evidence).controls;
    },
    problem: noControl,
  },
  {
    title: "another algorithm's control token, where there is one of the key's own",
    change: (evidence) => {
      const other = { ...controlOf(evidence), algorithm: "ES256", jti: "jti-control-es" };
      verificationOf(evidence).controls?.unshift(other);
      for (const { checks } of verificationOf(evidence).instances)
        for (const one of checks) if (one.check === "control") one.jti = other.jti;
    },
    problem: noControl,
  },
  {
    title: "one answer too many, on another token",
    change: (evidence) =>
      void instanceOf(evidence).checks.push({ ...retiredCheck(evidence), jti: "jti-other" }),
    problem: /^api-1 has proof level replayed, but the seen canary token of kid old has another jti/,
  },
  {
    title: "a rejection in the very moment in which the key was disabled",
    change: (evidence) => {
      Object.assign(retiredKeyOf(evidence), { disabledAt: at(29), disabledAtIsExact: false });
      evidence.exposureWindow = { from: at(29), to: at(30), ms: 1_000, exact: false };
    },
    problem: /^api-[12] .*it rejected the unseen canary token of kid old before the key was disabled/,
  },
  {
    title: "a rejection in the very moment in which the token expired",
    change: (evidence) => {
      canaryOf(evidence).seen.expiresAt = at(30);
    },
    problem: /^api-[12] .*it rejected the seen canary token of kid old after that had expired/,
  },
  {
    title: "a proof without a time",
    change: (evidence) => {
      delete instanceOf(evidence).provenAt;
    },
    problem: /^api-1 is proven, but no time of proof is given/,
  },
  {
    title: "a proof before it was asked",
    change: (evidence) => provenAt(evidence, 20),
    problem: /^api-[12] is listed as proven at .*:20\.000Z, when it was not asked/,
  },
  {
    title: "a proof before its last answer",
    change: (evidence) => provenAt(evidence, 29),
    problem: /^api-[12] is listed as proven at .*:29\.000Z, when it was not asked/,
  },
  {
    title: "a proof between its answers and those of an earlier attempt",
    change: (evidence) => {
      addAttempt(evidence, 20, 24);
      provenAt(evidence, 26);
    },
    problem: /^api-[12] is listed as proven at .*:26\.000Z, when it was not asked/,
  },
  {
    title: "a proof by a restart at a time when nobody was asked",
    of: restartedEmergency,
    change: (evidence) => withoutReplay(evidence, 27),
    problem: /^api-9 is listed as proven at .*:27\.000Z, when it was not asked/,
  },
  {
    title: "a proof in an earlier attempt that was before the key was disabled",
    change: (evidence) => {
      addAttempt(evidence, 10, 12);
      instanceOf(evidence).provenAt = at(12);
    },
    problem: /^api-1 is listed as proven at .*:12\.000Z, before kid old was disabled/,
  },
  {
    title: "a proof of a pod more than a minute before it started",
    of: restartedEmergency,
    change: (evidence) => {
      defined(instanceOf(evidence, 1).startup).startedAt = at(91);
    },
    problem: /^api-9 is listed as proven before it started/,
  },
];

const sound: Variant[] = [
  { title: "the control token of one of two keys that sign", of: twoSigners, change: () => undefined },
  {
    title: "another algorithm's control token, where the key's own does not sign any more",
    change: (evidence) => {
      controlOf(evidence).algorithm = "ES256";
    },
  },
  {
    title: "one control token for each algorithm, of which the key's own is asked about",
    change: (evidence) => {
      const other = { ...controlOf(evidence), algorithm: "ES256", jti: "jti-control-es" };
      verificationOf(evidence).controls?.unshift(other);
    },
  },
  {
    title: "evidence of version 1, which has no control tokens",
    change: (evidence) => {
      evidence.schemaVersion = 1;
      withoutChecks(evidence, "control");
    },
  },
  {
    title: "a proof in an earlier attempt",
    change: (evidence) => {
      addAttempt(evidence, 20, 24);
      provenAt(evidence, 22);
    },
  },
  {
    title: "a key that an earlier rotation has left open, and a proof from then that holds",
    change: (evidence) => {
      retiredKeyOf(evidence).disabledAt = at(-60);
      provenAt(evidence, -30);
    },
  },
  {
    title: "a proof in the second of three attempts",
    change: (evidence) => {
      addAttempt(evidence, 20, 24);
      addAttempt(evidence, 16, 18);
      provenAt(evidence, 22);
    },
  },
  {
    title: "a pod whose canary tokens have expired, proven when it was asked about others",
    of: restartedEmergency,
    change: (evidence) => withoutReplay(evidence, 29),
  },
  {
    title: "a pod whose node's clock is a minute fast",
    of: restartedEmergency,
    change: (evidence) => {
      defined(instanceOf(evidence, 1).startup).startedAt = at(90);
    },
  },
  {
    title: "answers in any order",
    change: (evidence) => {
      for (const instance of verificationOf(evidence).instances) instance.checks.reverse();
    },
  },
];

forgeriesOf("rejections", forgeries);
soundOf("rejections", sound);
