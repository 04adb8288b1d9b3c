import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { checkBundle } from "#operations/evidence/check/check-bundle";
import type { Evidence } from "#operations/evidence/evidence-schema";
import type { Findings } from "#operations/evidence/findings";
import {
  bundleOf,
  ed25519,
  emergency,
  forge,
  planned,
  redEmergency,
  restartedEmergency,
  signBundle,
  withDenyLists,
} from "../../evidence-bundles.ts";
import { at } from "../../samples.ts";

type Verification = NonNullable<Evidence["verification"]>;
type Instance = Verification["instances"][number];

interface Forgery {
  title: string;
  /** Default: a green emergency. */
  of?: () => Findings;
  change(evidence: Evidence): void;
  problem: RegExp;
}

function defined<T>(value: T | undefined): T {
  assert.ok(value !== undefined);
  return value;
}

function verificationOf({ verification }: Evidence): Verification {
  return defined(verification);
}

function instanceOf(evidence: Evidence, index = 0): Instance {
  return defined(verificationOf(evidence).instances[index]);
}

function checkOf(evidence: Evidence, check: string, canary?: string): Instance["checks"][number] {
  return defined(instanceOf(evidence).checks.find((one) => one.check === check && one.canary === canary));
}

function retiredCheck(evidence: Evidence): Instance["checks"][number] {
  return checkOf(evidence, "retired", "seen");
}

const accepted = { kind: "accepted", status: 200 } as const;
const silent = { kind: "inconclusive", reason: "timeout" } as const;

/** Calls an instance good that is not, and everything that says so. */
function whitewash(evidence: Evidence): void {
  const verification = verificationOf(evidence);
  const { startedAt, finishedAt } = verification;
  evidence.outcome = "verified";
  delete evidence.failedPhase;
  delete evidence.error;
  evidence.attempts = [{ startedAt, finishedAt, verified: true, failures: [] }];
  Object.assign(verification, { verified: true, failures: [] });
  Object.assign(instanceOf(evidence, 1), {
    verified: true,
    reasons: [],
    proof: "replayed",
    provenAt: at(30),
  });
}

const outcome: Forgery[] = [
  {
    title: "a red run with a green headline",
    of: redEmergency,
    change: (evidence) => {
      evidence.outcome = "verified";
    },
    problem: /outcome is verified, and verified is false/,
  },
  {
    title: "an instance that is called good although it accepted the retired key",
    of: redEmergency,
    change: whitewash,
    problem:
      /api-2 has the retired token \(old\) accepted, and that is called bad|api-2 .*gave a wrong answer/,
  },
  {
    title: "the same with the answer called good",
    of: redEmergency,
    change: (evidence) => {
      whitewash(evidence);
      for (const check of instanceOf(evidence, 1).checks) check.ok = true;
    },
    problem: /api-2 has the retired token \(old\) accepted, and that is called good/,
  },
  {
    title: "a question that expects the wrong answer",
    change: (evidence) => {
      Object.assign(retiredCheck(evidence), { expected: "accepted", verdict: accepted });
    },
    problem: /api-1 is expected to have the retired token \(old\) accepted, which must be rejected/,
  },
  {
    title: "a failed phase that has not failed",
    of: redEmergency,
    change: (evidence) => {
      evidence.failedPhase = "freeze";
    },
    problem: /failed phase is given as freeze; failed are verify/,
  },
  {
    title: "a verified run with a failure",
    change: (evidence) => {
      verificationOf(evidence).failures = ["api-3 was not asked"];
    },
    problem: /it is verified, and there is a failure: api-3 was not asked/,
  },
  {
    title: "a failure that is not listed as not proven",
    of: redEmergency,
    change: (evidence) => {
      evidence.notProven = evidence.notProven.filter((line) => !line.startsWith("api-2"));
    },
    problem: /a failure is not listed as not proven: api-2 still accepts kid old/,
  },
  {
    title: "no instance at all",
    change: (evidence) => {
      verificationOf(evidence).instances = [];
    },
    problem: /it is verified, and no instance was asked/,
  },
  {
    title: "a target that was not seen",
    change: (evidence) => {
      verificationOf(evidence).unseen = ["NO_INSTANCES: target shop has no instance to verify"];
    },
    problem: /it is verified, and a target was not seen/,
  },
  {
    title: "sessions that were not ended",
    change: (evidence) => {
      evidence.sessions = { ended: [], truncated: false, denied: [], failures: ["session 1 is still there"] };
    },
    problem: /it is verified, and there is a failure: session 1 is still there/,
  },
  {
    title: "Keycloak itself still accepting the retired key",
    change: (evidence) => {
      defined(verificationOf(evidence).issuer[0]).verdict = accepted;
    },
    problem: /Keycloak's verdict on kid old is accepted, and that is called good/,
  },
  {
    title: "Keycloak's verdict left out",
    change: (evidence) => {
      verificationOf(evidence).issuer = [];
    },
    problem: /it is verified, and Keycloak did not reject kid old/,
  },
  {
    title: "an attempt that is not the verification",
    change: (evidence) => {
      defined(evidence.attempts[0]).finishedAt = at(33);
    },
    problem: /the last of the verification attempts is not the verification/,
  },
];

const proofs: Forgery[] = [
  {
    title: "an instance twice",
    change: (evidence) => {
      verificationOf(evidence).instances.push(structuredClone(instanceOf(evidence)));
    },
    problem: /api-1 is listed twice/,
  },
  {
    title: "a baseline that did not accept the canary",
    change: (evidence) => {
      defined(defined(evidence.baseline[0]).verdicts[0]).verdict = silent;
    },
    problem: /api-1 has proof level replayed, but it did not accept kid old before \(inconclusive\)/,
  },
  {
    title: "an instance without a baseline",
    change: (evidence) => {
      evidence.baseline = evidence.baseline.slice(1);
    },
    problem: /api-1 has proof level replayed, but it did not accept kid old before \(not asked\)/,
  },
  {
    title: "a retired key without a canary",
    change: (evidence) => {
      evidence.canaries = [];
    },
    problem: /has proof level replayed, but kid old has no canary/,
  },
  {
    title: "only one canary replayed",
    change: (evidence) => {
      const instance = instanceOf(evidence);
      instance.checks = instance.checks.filter(({ canary }) => canary !== "unseen");
    },
    problem: /api-1 has proof level replayed, but it was not asked about both canaries of kid old/,
  },
  {
    title: "a silent instance whose silence counts as a refusal",
    change: (evidence) => {
      retiredCheck(evidence).verdict = silent;
    },
    problem: /but it has the seen canary of kid old inconclusive/,
  },
  {
    title: "another token replayed",
    change: (evidence) => {
      retiredCheck(evidence).jti = "jti-other";
    },
    problem: /the seen canary of kid old is another one/,
  },
  {
    title: "a refusal before the key was disabled",
    change: (evidence) => {
      retiredCheck(evidence).at = at(11);
    },
    problem: /it refused the seen canary of kid old before the key was disabled/,
  },
  {
    title: "a refusal of a canary that had expired",
    change: (evidence) => {
      defined(evidence.canaries[0]).seen.expiresAt = at(30);
    },
    problem: /it refused the seen canary of kid old when that had expired/,
  },
  {
    title: "no fresh token asked about",
    change: (evidence) => {
      const instance = instanceOf(evidence);
      instance.checks = instance.checks.filter(({ check }) => check !== "fresh");
    },
    problem: /api-1 is verified, and was not asked about the fresh token of kid new/,
  },
  {
    title: "a fresh token refused",
    change: (evidence) => {
      const verdict = { kind: "rejected", status: 401 } as const;
      Object.assign(checkOf(evidence, "fresh"), { verdict, ok: false });
    },
    problem: /api-1 is verified, and gave a wrong answer/,
  },
  {
    title: "a forgery accepted",
    change: (evidence) => {
      checkOf(evidence, "forged").verdict = accepted;
    },
    problem: /api-1 has the forged token \(unsigned RS256\) accepted, and that is called good/,
  },
  {
    title: "no forgery asked about",
    change: (evidence) => {
      const instance = instanceOf(evidence);
      instance.checks = instance.checks.filter(({ check }) => check !== "forged");
    },
    problem: /api-1 is verified, and was not asked about a forged token/,
  },
  {
    title: "a verified instance that is unproven",
    change: (evidence) => {
      instanceOf(evidence).proof = "unproven";
    },
    problem: /api-1 is verified, and unproven/,
  },
  {
    title: "an unproven instance without a reason",
    of: redEmergency,
    change: (evidence) => {
      instanceOf(evidence, 1).reasons = [];
    },
    problem: /api-2 is unproven, and no reason is given/,
  },
  {
    title: "nothing to prove although a key was retired",
    change: (evidence) => {
      instanceOf(evidence).proof = "nothing-retired";
    },
    problem: /api-1 has proof level nothing-retired, and keys were retired/,
  },
  {
    title: "a restart that shows no bootstrap",
    of: restartedEmergency,
    change: (evidence) => {
      defined(instanceOf(evidence, 1).startup).bootstrap = "missing";
    },
    problem: /api-9 has proof level restarted, but no bootstrap was seen/,
  },
  {
    title: "a start before the keys were disabled",
    of: restartedEmergency,
    change: (evidence) => {
      defined(instanceOf(evidence, 1).startup).startedAt = at(10);
    },
    problem: /api-9 has proof level restarted, but it started before the keys were disabled/,
  },
  {
    title: "the weaker proof called the stronger",
    of: restartedEmergency,
    change: (evidence) => {
      instanceOf(evidence, 1).proof = "replayed";
    },
    problem: /api-9 has proof level replayed, but it started after the cut-over/,
  },
  {
    title: "the weaker proof not said to be weaker",
    of: restartedEmergency,
    change: (evidence) => {
      evidence.notProven = evidence.notProven.filter((line) => !line.includes("restarted"));
    },
    problem: /it is not said that some instances have the weaker proof/,
  },
  {
    title: "a passive key's token not asked about",
    of: planned,
    change: (evidence) => {
      const instance = instanceOf(evidence);
      instance.checks = instance.checks.filter(({ check }) => check !== "passive");
    },
    problem: /api-1 is verified, and was not asked about the token of passive kid old/,
  },
];

const times: Forgery[] = [
  {
    title: "a shorter exposure window",
    change: (evidence) => {
      defined(evidence.exposureWindow).ms = 1;
    },
    problem: /the exposure window is given as 1 ms, .* the times make it 18000 ms/,
  },
  {
    title: "an exposure window that is exact and was not",
    change: (evidence) => {
      defined(evidence.retired[0]).disabledAtIsExact = false;
    },
    problem: /given as 18000 ms, .* the times make it at most 18000 ms/,
  },
  {
    title: "an exposure window where one is open",
    of: redEmergency,
    change: (evidence) => {
      evidence.exposureWindow = { from: at(12), to: at(30), ms: 18_000, exact: true };
    },
    problem: /the times make it open, or none/,
  },
  {
    title: "an earlier proof",
    change: (evidence) => {
      for (const instance of verificationOf(evidence).instances) instance.provenAt = at(13);
      evidence.exposureWindow = { from: at(12), to: at(13), ms: 1_000, exact: true };
    },
    problem: /api-1 is said to be proven at .*, when it was not asked/,
  },
  {
    title: "a phase that ended before it began",
    change: (evidence) => {
      defined(evidence.phases[2]).finishedAt = at(9);
    },
    problem: /phase cut-over ended before it began/,
  },
  {
    title: "phases out of order",
    change: (evidence) => {
      evidence.phases.reverse();
    },
    problem: /the phases are not in the order of their beginning/,
  },
  {
    title: "evidence that was written before the run",
    change: (evidence) => {
      evidence.writtenAt = at(3);
    },
    problem: /phase verify ended after the evidence was written/,
  },
  {
    title: "a JWKS that showed the new set too early",
    change: (evidence) => {
      defined(evidence.jwksReadBack[0]).currentAt = at(11);
    },
    problem: /shown the new set before kid old was disabled/,
  },
];

const keys: Forgery[] = [
  {
    title: "a retired key that is still trusted",
    change: (evidence) => {
      defined(evidence.keysAfter[0]).status = "PASSIVE";
    },
    problem: /retired kid old is PASSIVE after the cut-over/,
  },
  {
    title: "a retired key that a URL still shows",
    change: (evidence) => {
      defined(evidence.jwksReadBack[0]).kids.push("old");
    },
    problem: /retired kid old was still shown by http/,
  },
  {
    title: "a retired key that jwks-after still has",
    change: (evidence) => {
      defined(evidence.retired[0]).kid = "new";
    },
    problem: /retired kid new is in jwks-after\.json/,
  },
  {
    title: "a stolen key taken off the list of those that must be refused",
    change: (evidence) => {
      evidence.retired = [];
    },
    problem: /kid old was trusted before, is not after, and is not listed as retired/,
  },
  {
    title: "the same, and out of what was there before",
    change: (evidence) => {
      evidence.retired = [];
      evidence.keysBefore = [];
    },
    problem: /kid old was trusted before, is not after, and is not listed as retired/,
  },
  {
    title: "a signer that does not sign",
    change: (evidence) => {
      defined(evidence.keysAfter[1]).signing = false;
    },
    problem: /kid new is said to sign, and does not after the cut-over/,
  },
  {
    title: "a realm without a signer",
    change: (evidence) => {
      evidence.signers = [];
    },
    problem: /no key signs after the cut-over/,
  },
  {
    title: "a canary used twice",
    change: (evidence) => {
      defined(evidence.canaries[0]).unseen.jti = "jti-seen";
    },
    problem: /the token with jti jti-seen is listed twice/,
  },
  {
    title: "a deny-list that refused nobody",
    of: withDenyLists,
    change: (evidence) => {
      defined(verificationOf(evidence).denyList?.[0]).refused = accepted;
    },
    problem: /the deny-list of api-1 is called proven, but the administrator was accepted while on it/,
  },
  {
    title: "a deny-list that had refused everybody",
    of: withDenyLists,
    change: (evidence) => {
      defined(verificationOf(evidence).denyList?.[0]).accepted = { kind: "rejected", status: 403 };
    },
    problem: /the deny-list of api-1 is called proven, but the administrator was rejected before/,
  },
];

/** Everything fits but the facts: also where somebody who has the key has signed it. */
for (const [of, forgeries] of Object.entries({ outcome, proofs, times, keys })) {
  suite(`forged evidence (${of}) with a report, sums and a signature to fit`, () => {
    for (const { title, of: found = emergency, change, problem } of forgeries) {
      test(`${title}: found and named`, async (t) => {
        const pair = ed25519();
        const directory = await bundleOf(t, found());
        await forge(directory, change);
        await signBundle(directory, pair);
        const { ok, findings } = await checkBundle(directory, { publicKey: pair.publicKey });
        assert.equal(ok, false);
        const errors = findings.filter(({ level }) => level === "error").map(({ what }) => what);
        assert.match(errors.join("\n"), problem);
        assert.doesNotMatch(errors.join("\n"), /SHA256|evidence\.jws|report\.md|schema/);
      });
    }
  });
}
