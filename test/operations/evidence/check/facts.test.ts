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

function baselineOf(evidence: Evidence) {
  return defined(evidence.baseline[0]?.verdicts[0]);
}

/** Marks an unproven instance as good, and everything that depends on it. */
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
    problem: /outcome is verified, but verification\.verified is false/,
  },
  {
    title: "an instance that is marked good although it accepted the retired key",
    of: redEmergency,
    change: whitewash,
    problem:
      /api-2 answered accepted to the retired token \(old\), which is marked bad|api-2 .*gave a wrong answer/,
  },
  {
    title: "the same with the answer marked good",
    of: redEmergency,
    change: (evidence) => {
      whitewash(evidence);
      for (const check of instanceOf(evidence, 1).checks) check.ok = true;
    },
    problem: /api-2 answered accepted to the retired token \(old\), which is marked good/,
  },
  {
    title: "a check that expects the wrong answer",
    change: (evidence) => {
      Object.assign(retiredCheck(evidence), { expected: "accepted", verdict: accepted });
    },
    problem:
      /api-1 lists accepted as the expected answer to the retired token \(old\), which must be rejected/,
  },
  {
    title: "a failed phase that has not failed",
    of: redEmergency,
    change: (evidence) => {
      evidence.failedPhase = "freeze";
    },
    problem: /failedPhase is freeze, but the failed phases are: verify/,
  },
  {
    title: "a verified run with a failure",
    change: (evidence) => {
      verificationOf(evidence).failures = ["api-3 was not asked"];
    },
    problem: /the run is verified, but a failure is listed: api-3 was not asked/,
  },
  {
    title: "a failure that is not listed as not proven",
    of: redEmergency,
    change: (evidence) => {
      evidence.notProven = evidence.notProven.filter((line) => !line.startsWith("api-2"));
    },
    problem: /notProven does not list this failure: api-2 still accepts kid old/,
  },
  {
    title: "a failure that is listed as scope",
    of: redEmergency,
    change: (evidence) => {
      evidence.scope = evidence.notProven;
    },
    problem: /scope lists a failure: api-2 still accepts kid old/,
  },
  {
    title: "operations that were not frozen, listed as scope",
    of: () => emergency({}, { freeze: { clients: [], instances: [], failures: ["api-1: HTTP 500"] } }),
    change: (evidence) => {
      evidence.scope = evidence.notProven;
    },
    problem: /scope lists a failure: Not frozen: api-1: HTTP 500/,
  },
  {
    title: "sessions missing on the deny-lists, listed as scope",
    of: () => emergency({}, { sessions: { ended: [], truncated: true, denied: [], failures: [] } }),
    change: (evidence) => {
      evidence.scope = evidence.notProven;
    },
    problem: /scope lists a failure: There were too many sessions/,
  },
  {
    title: "a run without a verification, which is listed as scope",
    of: () => ({ phases: [] }),
    change: (evidence) => {
      evidence.scope = evidence.notProven;
    },
    problem: /scope lists a failure: Nothing was verified/,
  },
  {
    title: "a scope with a sentence of its own",
    change: (evidence) => {
      evidence.scope?.push("This is nothing to worry about.");
    },
    problem: /scope lists what notProven does not: This is nothing to worry about/,
  },
  {
    title: "no instance at all",
    change: (evidence) => {
      verificationOf(evidence).instances = [];
    },
    problem: /the run is verified, but no instance was asked/,
  },
  {
    title: "a target that could not be listed",
    change: (evidence) => {
      verificationOf(evidence).unseen = ["NO_INSTANCES: target shop has no instance to verify"];
    },
    problem: /the run is verified, but a target could not be listed/,
  },
  {
    title: "sessions that were not ended",
    change: (evidence) => {
      evidence.sessions = { ended: [], truncated: false, denied: [], failures: ["session 1 is still there"] };
    },
    problem: /the run is verified, but a failure is listed: session 1 is still there/,
  },
  {
    title: "Keycloak itself still accepting the retired key",
    change: (evidence) => {
      defined(verificationOf(evidence).issuer[0]).verdict = accepted;
    },
    problem: /Keycloak answered accepted to kid old and accepted to its control token, which is marked good/,
  },
  {
    title: "Keycloak refusing the control token, too",
    change: (evidence) => {
      const refused = { kind: "rejected", status: 401 } as const;
      defined(defined(verificationOf(evidence).issuer[0]).control).verdict = refused;
    },
    problem: /Keycloak answered rejected to kid old and rejected to its control token, which is marked good/,
  },
  {
    title: "Keycloak's verdict left out",
    change: (evidence) => {
      verificationOf(evidence).issuer = [];
    },
    problem: /the run is verified, but Keycloak did not reject kid old/,
  },
  {
    title: "an attempt that is not the verification",
    change: (evidence) => {
      defined(evidence.attempts[0]).finishedAt = at(33);
    },
    problem: /the last verification attempt does not match the verification/,
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
    title: "a baseline that did not accept the canary token",
    change: (evidence) => {
      defined(defined(evidence.baseline[0]).verdicts[0]).verdict = silent;
    },
    problem:
      /api-1 has proof level replayed, but it did not accept the canary token of kid old before the cut-over \(inconclusive\)/,
  },
  {
    title: "a baseline that took a forged token",
    change: (evidence) => {
      baselineOf(evidence).forged = { verdict: accepted };
    },
    problem:
      /api-1 has proof level replayed, but it was not seen to reject a forged token of kid old before the cut-over \(accepted\)/,
  },
  {
    title: "a baseline without a forged token",
    change: (evidence) => {
      delete baselineOf(evidence).forged;
    },
    problem: /but it was not seen to reject a forged token of kid old before the cut-over \(not asked\)/,
  },
  {
    title: "an acknowledged key that the report does not show in red",
    change: (evidence) => {
      verificationOf(evidence).acknowledged = [{ kid: "older", reason: "all were rebuilt", by: "alice" }];
    },
    problem: /notProven does not list as a failure: It was not shown that kid older is refused/,
  },
  {
    title: "a proof by acknowledgement of nothing",
    change: (evidence) => {
      const instance = instanceOf(evidence);
      instance.proof = "acknowledged";
      delete instance.provenAt;
    },
    problem: /api-1 has proof level acknowledged, but no key was acknowledged/,
  },
  {
    title: "an acknowledgement of one key that is to cover another",
    change: (evidence) => {
      verificationOf(evidence).acknowledged = [{ kid: "older", reason: "all were rebuilt", by: "alice" }];
      const instance = instanceOf(evidence);
      instance.proof = "acknowledged";
      delete instance.provenAt;
      baselineOf(evidence).verdict = silent;
    },
    problem: /it did not accept the canary token of kid old before the cut-over/,
  },
  {
    title: "no control token asked about",
    change: (evidence) => {
      const instance = instanceOf(evidence);
      instance.checks = instance.checks.filter(({ check }) => check !== "control");
    },
    problem:
      /api-1 has proof level replayed, but it was not seen to accept the control token beside the seen/,
  },
  {
    title: "a control token refused",
    change: (evidence) => {
      const verdict = { kind: "rejected", status: 401 } as const;
      Object.assign(checkOf(evidence, "control"), { verdict, ok: false });
    },
    problem: /it was not seen to accept the control token beside the seen canary token of kid old/,
  },
  {
    title: "another token than the control token",
    change: (evidence) => {
      checkOf(evidence, "control").jti = "jti-other";
    },
    problem: /it was not seen to accept the control token beside the seen canary token of kid old/,
  },
  {
    title: "a control token of a key that does not sign",
    change: (evidence) => {
      defined(verificationOf(evidence).controls?.[0]).kid = "other";
      checkOf(evidence, "control").subject = "other";
    },
    problem: /it was not seen to accept the control token beside the seen canary token of kid old/,
  },
  {
    title: "no control tokens at all",
    change: (evidence) => {
      delete verificationOf(evidence).controls;
    },
    problem: /it was not seen to accept the control token beside the seen canary token of kid old/,
  },
  {
    title: "some processes that accept the retired key",
    change: (evidence) => {
      retiredCheck(evidence).spread = { accepted: 3, rejected: 5, inconclusive: 0 };
    },
    problem: /api-1 answered well to the retired token \(old\), but 3 connections had another answer/,
  },
  {
    title: "a process that accepts the retired key",
    change: (evidence) => {
      const processes = { w1: "rejected", w2: "accepted" } as const;
      retiredCheck(evidence).spread = { accepted: 0, rejected: 8, inconclusive: 0, processes };
    },
    problem: /answered well to the retired token \(old\), but process w2 answered accepted/,
  },
  {
    title: "fewer processes than announced",
    change: (evidence) => {
      const processes = { w1: "rejected", w2: "rejected" } as const;
      retiredCheck(evidence).spread = { accepted: 0, rejected: 8, inconclusive: 0, processes, announced: 4 };
    },
    problem: /answered well to the retired token \(old\), but only 2 of 4 processes were heard/,
  },
  {
    title: "an instance without a baseline",
    change: (evidence) => {
      evidence.baseline = evidence.baseline.slice(1);
    },
    problem:
      /api-1 has proof level replayed, but it did not accept the canary token of kid old before the cut-over \(not asked\)/,
  },
  {
    title: "a retired key without a canary token",
    change: (evidence) => {
      evidence.canaries = [];
    },
    problem: /has proof level replayed, but kid old has no canary token/,
  },
  {
    title: "only one canary token replayed",
    change: (evidence) => {
      const instance = instanceOf(evidence);
      instance.checks = instance.checks.filter(({ canary }) => canary !== "unseen");
    },
    problem:
      /api-1 has proof level replayed, but it was not asked about both canary tokens of kid old after the cut-over/,
  },
  {
    title: "an instance that gave no answer, which counts as a rejection",
    change: (evidence) => {
      retiredCheck(evidence).verdict = silent;
    },
    problem: /but it answered inconclusive to the seen canary token of kid old/,
  },
  {
    title: "another token replayed",
    change: (evidence) => {
      retiredCheck(evidence).jti = "jti-other";
    },
    problem: /the seen canary token of kid old has another jti/,
  },
  {
    title: "a rejection before the key was disabled",
    change: (evidence) => {
      retiredCheck(evidence).at = at(11);
    },
    problem: /it rejected the seen canary token of kid old before the key was disabled/,
  },
  {
    title: "a rejection of a canary token that had expired",
    change: (evidence) => {
      defined(evidence.canaries[0]).seen.expiresAt = at(30);
    },
    problem: /it rejected the seen canary token of kid old after that had expired/,
  },
  {
    title: "no fresh token asked about",
    change: (evidence) => {
      const instance = instanceOf(evidence);
      instance.checks = instance.checks.filter(({ check }) => check !== "fresh");
    },
    problem: /api-1 is verified, but was not asked about the fresh token of kid new/,
  },
  {
    title: "a fresh token refused",
    change: (evidence) => {
      const verdict = { kind: "rejected", status: 401 } as const;
      Object.assign(checkOf(evidence, "fresh"), { verdict, ok: false });
    },
    problem: /api-1 is verified, but gave a wrong answer/,
  },
  {
    title: "a forgery accepted",
    change: (evidence) => {
      checkOf(evidence, "forged").verdict = accepted;
    },
    problem: /api-1 answered accepted to the forged token \(unsigned RS256\), which is marked good/,
  },
  {
    title: "no forgery asked about",
    change: (evidence) => {
      const instance = instanceOf(evidence);
      instance.checks = instance.checks.filter(({ check }) => check !== "forged");
    },
    problem: /api-1 is verified, but was not asked about a forged token/,
  },
  {
    title: "a verified instance with proof level unproven",
    change: (evidence) => {
      instanceOf(evidence).proof = "unproven";
    },
    problem: /api-1 is verified, but its proof level is unproven/,
  },
  {
    title: "an unproven instance without a reason",
    of: redEmergency,
    change: (evidence) => {
      instanceOf(evidence, 1).reasons = [];
    },
    problem: /api-2 is unproven, but no reason is given/,
  },
  {
    title: "nothing to prove although a key was retired",
    change: (evidence) => {
      instanceOf(evidence).proof = "nothing-retired";
    },
    problem: /api-1 has proof level nothing-retired, but keys were retired/,
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
    title: "the weaker proof not called weaker",
    of: restartedEmergency,
    change: (evidence) => {
      evidence.notProven = evidence.notProven.filter((line) => !line.includes("restarted"));
    },
    problem: /notProven does not say that some instances have the weaker proof \(restarted\)/,
  },
  {
    title: "a passive key's token not asked about",
    of: planned,
    change: (evidence) => {
      const instance = instanceOf(evidence);
      instance.checks = instance.checks.filter(({ check }) => check !== "passive");
    },
    problem: /api-1 is verified, but was not asked about the token of passive kid old/,
  },
];

const times: Forgery[] = [
  {
    title: "a shorter exposure window",
    change: (evidence) => {
      defined(evidence.exposureWindow).ms = 1;
    },
    problem: /the exposure window is given as 1 ms, .*, but the times make it 18000 ms/,
  },
  {
    title: "an exposure window that is called exact and is not",
    change: (evidence) => {
      defined(evidence.retired[0]).disabledAtIsExact = false;
    },
    problem: /given as 18000 ms, .* the times make it at most 18000 ms/,
  },
  {
    title: "an exposure window although it is open",
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
    problem: /api-1 is listed as proven at .*, when it was not asked/,
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
    problem: /the phases are not in the order in which they began/,
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
    problem: /listed as showing the new key set before kid old was disabled/,
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
    problem: /retired kid old was still published at http/,
  },
  {
    title: "a retired key that jwks-after still has",
    change: (evidence) => {
      defined(evidence.retired[0]).kid = "new";
    },
    problem: /retired kid new is in jwks-after\.json/,
  },
  {
    title: "a stolen key removed from the list of those that must be rejected",
    change: (evidence) => {
      evidence.retired = [];
    },
    problem: /kid old was trusted before and is not any more, but is not listed as retired/,
  },
  {
    title: "the same, and out of what was there before",
    change: (evidence) => {
      evidence.retired = [];
      evidence.keysBefore = [];
    },
    problem: /kid old was trusted before and is not any more, but is not listed as retired/,
  },
  {
    title: "a signer that does not sign",
    change: (evidence) => {
      defined(evidence.keysAfter[1]).signing = false;
    },
    problem: /kid new is listed as signing, but does not sign after the cut-over/,
  },
  {
    title: "a realm without a signer",
    change: (evidence) => {
      evidence.signers = [];
    },
    problem: /no key signs after the cut-over/,
  },
  {
    title: "a canary token used twice",
    change: (evidence) => {
      defined(evidence.canaries[0]).unseen.jti = "jti-seen";
    },
    problem: /the token with jti jti-seen is listed twice/,
  },
  {
    title: "a deny-list that rejected nobody",
    of: withDenyLists,
    change: (evidence) => {
      defined(verificationOf(evidence).denyList?.[0]).refused = accepted;
    },
    problem: /the deny-list of api-1 is called proven, but the administrator was accepted while on it/,
  },
  {
    title: "a deny-list that had rejected everybody",
    of: withDenyLists,
    change: (evidence) => {
      defined(verificationOf(evidence).denyList?.[0]).accepted = { kind: "rejected", status: 403 };
    },
    problem: /the deny-list of api-1 is called proven, but the administrator was rejected before/,
  },
];

/** Only the facts contradict it: somebody who has the key may have signed it. */
for (const [of, forgeries] of Object.entries({ outcome, proofs, times, keys })) {
  suite(`forged evidence (${of}) with matching reports, checksums and signature`, () => {
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
