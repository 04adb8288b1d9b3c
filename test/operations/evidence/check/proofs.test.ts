import { planned, redEmergency, restartedEmergency } from "../../evidence-bundles.ts";
import {
  accepted,
  acknowledge,
  baselineOf,
  canaryOf,
  checkOf,
  defined,
  type Forgery,
  forgeriesOf,
  instanceOf,
  proveByAcknowledgement,
  retiredKeyOf,
  silent,
  soundOf,
  type Variant,
  verificationOf,
  withoutChecks,
  withoutRetired,
} from "../../forged-evidence.ts";
import { at } from "../../samples.ts";

type Change = Forgery["change"];

const startup = { bootstrap: "seen", startedAt: at(13) } as const;
const pod: Forgery["of"] = restartedEmergency;

/** A run whose proof is by acknowledgement of another key than the one that it retired. */
const closing =
  (change: Change): Change =>
  (evidence) => {
    proveByAcknowledgement(evidence, "older");
    change(evidence);
  };

/** Something that makes a proof by acknowledgement bad, and one by replay as well. */
const notAccepted: Change = (evidence) => {
  baselineOf(evidence).verdict = silent;
};

/** A restart after the cut-over was not measured to the second. */
function moveDisabling(evidence: Parameters<Change>[0], time: string, isExact: boolean): void {
  Object.assign(retiredKeyOf(evidence), { disabledAt: time, disabledAtIsExact: isExact });
  const window = defined(evidence.exposureWindow);
  const ms = Date.parse(window.to) - Date.parse(time);
  Object.assign(window, { from: time, exact: isExact, ms });
}

const forgeries: Forgery[] = [
  {
    title: "a replay of no canary token",
    change: (evidence) => {
      evidence.canaries = [];
      withoutChecks(evidence, "retired");
    },
    problem: /^api-[12] has proof level replayed, but kid old has no canary token/,
  },
  {
    title: "a replay to an instance that had not accepted the token",
    change: notAccepted,
    problem:
      /^api-1 has proof level replayed, but it did not accept the canary token of kid old .*inconclusive/,
  },
  {
    title: "a replay to an instance that had accepted the token of another key",
    change: (evidence) => {
      baselineOf(evidence).kid = "other";
    },
    problem:
      /^api-1 has proof level replayed, but it (did not accept the canary|was not seen to reject a forged) token of kid old before the cut-over \(not asked\)/,
  },
  {
    title: "a replay to an instance that had accepted a forged token",
    change: (evidence) => {
      baselineOf(evidence).forged = { verdict: accepted };
    },
    problem:
      /^api-1 has proof level replayed, but it was not seen to reject a forged token of kid old .*accepted/,
  },
  {
    title: "a replay in evidence of version 1 to an instance that had not accepted the token",
    change: (evidence) => {
      evidence.schemaVersion = 1;
      notAccepted(evidence);
    },
    problem: /^api-1 has proof level replayed, but it did not accept the canary token of kid old/,
  },
  ...(["seen", "unseen"] as const).map(
    (which): Forgery => ({
      title: `a replay without the ${which} canary token`,
      change: (evidence) => {
        const instance = instanceOf(evidence);
        instance.checks = instance.checks.filter(({ canary }) => canary !== which);
        instance.provenAt = defined(instance.checks.find(({ check }) => check === "retired")).at;
      },
      problem: /^api-1 has proof level replayed, but it was not asked about both canary tokens of kid old/,
    }),
  ),
  {
    title: "a replay of one canary token, twice",
    change: (evidence) => {
      checkOf(evidence, "retired", "unseen").canary = "seen";
    },
    problem: /^api-1 has proof level replayed, but it was not asked about both canary tokens of kid old/,
    isAmongOthers: true,
  },
  {
    title: "a replay of another key's canary token",
    change: (evidence) => {
      checkOf(evidence, "retired", "unseen").subject = "other";
    },
    problem: /^api-1 has proof level replayed, but it was not asked about both canary tokens of kid old/m,
    isAmongOthers: true,
  },
  {
    title: "a replay of another token",
    change: (evidence) => {
      checkOf(evidence, "retired", "unseen").jti = "jti-other";
    },
    problem: /^api-1 has proof level replayed, but it was not asked about both canary tokens of kid old/m,
    isAmongOthers: true,
  },
  {
    title: "a replay of a token of an earlier rotation",
    change: (evidence) => {
      checkOf(evidence, "retired", "unseen").check = "earlier";
    },
    problem: /^api-1 has proof level replayed, but it was not asked about both canary tokens of kid old/,
  },
  {
    title: "a replay where no key was retired",
    change: withoutRetired,
    problem: /^api-[12] has proof level replayed, but no key was retired/,
  },
  {
    title: "a replay to an instance that came later",
    change: (evidence) => {
      instanceOf(evidence).startup = startup;
    },
    problem: /^api-1 has proof level replayed, but it started after the cut-over/,
  },
  {
    title: "a restart where no key was retired",
    of: pod,
    change: (evidence) => {
      withoutRetired(evidence);
      instanceOf(evidence).proof = "nothing-retired";
      delete instanceOf(evidence).provenAt;
    },
    problem: /^api-9 has proof level restarted, but no key was retired/,
  },
  {
    title: "a restart without a bootstrap",
    of: pod,
    change: (evidence) => {
      defined(instanceOf(evidence, 1).startup).bootstrap = "missing";
    },
    problem: /^api-9 has proof level restarted, but no bootstrap was seen in its log/,
  },
  {
    title: "a restart of which nothing is known",
    of: pod,
    change: (evidence) => {
      delete instanceOf(evidence, 1).startup;
    },
    problem: /^api-9 has proof level restarted, but no bootstrap was seen in its log/,
  },
  {
    title: "a restart a second before the keys were disabled",
    of: pod,
    change: (evidence) => {
      defined(instanceOf(evidence, 1).startup).startedAt = at(11);
    },
    problem: /^api-9 has proof level restarted, but it started before the keys were disabled/,
  },
  {
    title: "an acknowledgement of nothing",
    change: (evidence) => {
      proveByAcknowledgement(evidence, "older");
      evidence.notProven.shift();
      verificationOf(evidence).acknowledged = [];
    },
    problem: /^api-[12] has proof level acknowledged, but no key was acknowledged/,
  },
  {
    title: "an acknowledgement that is called a proof in time",
    change: closing((evidence) => {
      instanceOf(evidence).provenAt = at(30);
    }),
    problem: /^api-1 has proof level acknowledged, but a time of proof/,
  },
  {
    title: "an acknowledgement of one key that is to cover another",
    change: closing(notAccepted),
    problem: /^api-1 has proof level replayed, but it did not accept the canary token of kid old/,
  },
  {
    title: "an acknowledgement of one key by an instance that accepts another",
    change: closing((evidence) => {
      checkOf(evidence, "control").jti = "jti-other";
    }),
    problem: /^api-1 has proof level replayed, but it was not seen to accept the control token/,
  },
  {
    title: "an acknowledgement of one key by a pod that shows no bootstrap for another",
    of: pod,
    change: closing((evidence) => {
      defined(instanceOf(evidence, 1).startup).bootstrap = "missing";
    }),
    problem: /^api-9 has proof level restarted, but no bootstrap was seen in its log/,
  },
  {
    title: "nothing to prove where a key was retired",
    change: (evidence) => {
      delete evidence.exposureWindow;
      for (const instance of verificationOf(evidence).instances) {
        instance.proof = "nothing-retired";
        delete instance.provenAt;
      }
    },
    problem: /^api-[12] has proof level nothing-retired, but keys were retired/,
  },
  {
    title: "nothing to prove, and a time of proof",
    of: planned,
    change: (evidence) => {
      instanceOf(evidence).provenAt = at(30);
    },
    problem: /^api-1 has proof level nothing-retired, but a time of proof/,
  },
  {
    title: "an unproven instance for no reason",
    of: redEmergency,
    change: (evidence) => {
      instanceOf(evidence, 1).reasons = [];
    },
    problem: /^api-2 is not verified, but no reason is given/,
  },
];

const sound: Variant[] = [
  {
    title:
      "an instance that could not be asked again, with a time and with answers about a key that is closed by now",
    of: redEmergency,
    change: (evidence) => {
      const instance = instanceOf(evidence, 1);
      instance.provenAt = at(20);
      instance.checks.push({ ...checkOf(evidence, "retired", "seen"), subject: "older", jti: "jti-older" });
    },
  },
  {
    title: "a start in the second in which the keys were disabled",
    of: pod,
    change: (evidence) => moveDisabling(evidence, "2026-01-01T10:00:12.400Z", true),
  },
  {
    title: "a start before it was seen that the keys are disabled, where that is not exact",
    of: pod,
    change: (evidence) => moveDisabling(evidence, at(20), false),
  },
  {
    title: "a key closed by name, beside one that is proven by replay",
    change: (evidence) => proveByAcknowledgement(evidence, "older"),
  },
  {
    title: "a key closed by name, beside one that is proven by restart",
    of: pod,
    change: (evidence) => proveByAcknowledgement(evidence, "older"),
  },
  {
    title: "the only retired key closed by name, which nobody need have accepted before",
    change: (evidence) => {
      proveByAcknowledgement(evidence, "old");
      notAccepted(evidence);
      withoutChecks(evidence, "retired");
    },
  },
  {
    title: "a key closed by name, and another rotation's proof by replay",
    change: (evidence) => acknowledge(evidence, "older"),
  },
  {
    title: "evidence of version 1, in which no forged token was shown before",
    change: (evidence) => {
      evidence.schemaVersion = 1;
      delete baselineOf(evidence).forged;
    },
  },
  {
    title: "two retired keys with a pair of canary tokens each",
    change: (evidence) => {
      const second = structuredClone(canaryOf(evidence));
      Object.assign(second, { kid: "second" });
      second.seen.jti = "jti-second-seen";
      second.unseen.jti = "jti-second-unseen";
      evidence.canaries.push(second);
      evidence.retired.push({ ...retiredKeyOf(evidence), kid: "second" });
      const { issuer } = verificationOf(evidence);
      issuer.push({ ...defined(issuer[0]), kid: "second", jti: "jti-second-unseen" });
      for (const { verdicts } of evidence.baseline) verdicts.push({ ...defined(verdicts[0]), kid: "second" });
      for (const instance of verificationOf(evidence).instances)
        for (const one of instance.checks.filter(({ check }) => check === "retired"))
          instance.checks.push({ ...one, subject: "second", jti: `jti-second-${one.canary}` });
    },
  },
];

forgeriesOf("proof levels", forgeries);
soundOf("proof levels", sound);
