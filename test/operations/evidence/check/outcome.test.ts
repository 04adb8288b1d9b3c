import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { missingInstances } from "#operations/evidence/check/outcome";
import type { Evidence } from "#operations/evidence/evidence-schema";
import {
  planned,
  redEmergency,
  relapsedEmergency,
  twoSigners,
  withDenyLists,
} from "../../evidence-bundles.ts";
import {
  accepted,
  acknowledge,
  defined,
  type Forgery,
  fail,
  forgeriesOf,
  instanceOf,
  proveByAcknowledgement,
  silent,
  soundOf,
  spareKey,
  type Variant,
  verificationOf,
} from "../../forged-evidence.ts";
import { at, realmKey } from "../../samples.ts";

function withoutFailure(evidence: Evidence): void {
  delete evidence.failedPhase;
  delete evidence.error;
}

function issuerOf(evidence: Evidence) {
  return defined(verificationOf(evidence).issuer[0]);
}

/** The same token was shown to every instance. */
function signFreshBy(evidence: Evidence, kid: string): void {
  for (const one of verificationOf(evidence).fresh) one.kid = kid;
  for (const { checks } of verificationOf(evidence).instances)
    for (const one of checks) if (one.check === "fresh") one.subject = kid;
}

const unverified = () => ({ phases: [] });

const forgeries: Forgery[] = [
  {
    title: "a red run with a green headline and no failure",
    of: redEmergency,
    change: (evidence) => {
      evidence.outcome = "verified";
      withoutFailure(evidence);
    },
    problem: /^outcome is verified, but verification\.verified is false/,
  },
  {
    title: "a green run with a red headline",
    change: (evidence) => {
      evidence.outcome = "failed";
    },
    problem: /^outcome is failed, but verification\.verified is true/,
  },
  {
    title: "a run without a verification with a green headline",
    of: unverified,
    change: (evidence) => {
      evidence.outcome = "verified";
    },
    problem: /^outcome is verified, but nothing was verified/,
  },
  {
    title: "a relapse that is called verified",
    of: relapsedEmergency,
    change: (evidence) => {
      evidence.outcome = "verified";
      withoutFailure(evidence);
    },
    problem: /^outcome is verified, but the watch after the proof lists a relapse/,
  },
  {
    title: "a green run with a failed phase",
    change: (evidence) => {
      evidence.failedPhase = "enforce";
    },
    problem: /^outcome is verified, but a failed phase or an error is given/,
  },
  {
    title: "a green run with an error",
    change: (evidence) => {
      evidence.error = "Something failed.";
    },
    problem: /^outcome is verified, but a failed phase or an error is given/,
  },
  {
    title: "a failed phase that is not given",
    of: redEmergency,
    change: withoutFailure,
    problem: /^failedPhase is not given, but the failed phases are: verify/,
  },
  {
    title: "a failed phase where none has failed",
    of: redEmergency,
    change: (evidence) => {
      for (const phase of evidence.phases) phase.outcome = "done";
    },
    problem: /^failedPhase is verify, but the failed phases are: none/,
  },
  {
    title: "an answer of Keycloak that is right and marked bad",
    of: redEmergency,
    change: (evidence) => {
      issuerOf(evidence).ok = false;
    },
    problem: /^Keycloak answered rejected to kid old and accepted to its control token, which is marked bad/,
  },
  {
    title: "Keycloak not asked about the control token",
    change: (evidence) => {
      delete issuerOf(evidence).control;
    },
    problem: /^Keycloak answered rejected to kid old and nothing to its control token, which is marked good/,
  },
  {
    title: "Keycloak accepting the retired key in evidence of version 1",
    change: (evidence) => {
      evidence.schemaVersion = 1;
      issuerOf(evidence).verdict = accepted;
    },
    problem: /^Keycloak answered accepted to kid old/,
  },
  {
    title: "a red run without a failure",
    of: redEmergency,
    change: (evidence) => {
      verificationOf(evidence).failures = [];
      defined(evidence.attempts.at(-1)).failures = [];
    },
    problem: /^the run is not verified, but no failure is given/,
  },
  {
    title: "a green run with a failure",
    change: (evidence) => {
      verificationOf(evidence).failures = ["api-3 was not asked"];
      defined(evidence.attempts.at(-1)).failures = ["api-3 was not asked"];
      evidence.notProven.unshift("api-3 was not asked.");
    },
    problem: /^the run is verified, but a failure is listed: api-3 was not asked/,
  },
  {
    title: "a green run with a target that could not be listed",
    change: (evidence) => {
      verificationOf(evidence).unseen = ["target shop has no instance"];
      delete evidence.exposureWindow;
    },
    problem: /^the run is verified, but a target could not be listed/,
  },
  {
    title: "a green run with a session that was not ended",
    change: (evidence) => {
      evidence.sessions = { ended: [], truncated: false, denied: [], failures: ["session 1 is still there"] };
    },
    problem: /^the run is verified, but a failure is listed: session 1/,
  },
  {
    title: "a green run with an internal key that was not rotated",
    change: (evidence) => {
      evidence.internalKeys = { keys: [], failures: ["the HMAC key is still there"] };
    },
    problem: /^the run is verified, but a failure is listed: the HMAC key/,
  },
  {
    title: "a green run that asked no instance",
    change: (evidence) => {
      verificationOf(evidence).instances = [];
      delete evidence.exposureWindow;
    },
    problem: /^the run is verified, but no instance was asked/,
  },
  {
    title: "a green run with an instance that is not verified",
    change: (evidence) => fail(instanceOf(evidence)),
    problem: /^the run is verified, but api-1 is not verified/,
  },
  {
    title: "a green run with a deny-list that is not proven",
    of: withDenyLists,
    change: (evidence) => {
      Object.assign(defined(verificationOf(evidence).denyList?.[1]), {
        ok: false,
        reasons: ["it is silent"],
      });
    },
    problem: /^the run is verified, but the deny-list of api-2 is not proven/,
  },
  {
    title: "Keycloak not asked about a retired key",
    change: (evidence) => {
      verificationOf(evidence).issuer = [];
    },
    problem: /^the run is verified, but Keycloak did not reject kid old/,
  },
  {
    title: "a green run with a retired key that Keycloak accepts",
    change: (evidence) => {
      Object.assign(issuerOf(evidence), { verdict: accepted, ok: false });
    },
    problem: /^the run is verified, but Keycloak did not reject kid old/,
  },
  {
    title: "a green run in which Keycloak gave no answer",
    change: (evidence) => {
      Object.assign(issuerOf(evidence), { verdict: silent, ok: false });
    },
    problem: /^the run is verified, but Keycloak did not reject kid old/,
  },
  {
    title: "Keycloak asked about another key",
    change: (evidence) => {
      issuerOf(evidence).kid = "other";
    },
    problem: /^the run is verified, but Keycloak did not reject kid old/,
  },
  {
    title: "Keycloak asked about another token",
    change: (evidence) => {
      issuerOf(evidence).jti = "jti-other";
    },
    problem: /^the run is verified, but Keycloak did not reject kid old/,
  },
  {
    title: "another key closed by name than the one that Keycloak was not asked about",
    change: (evidence) => {
      acknowledge(evidence, "older");
      verificationOf(evidence).issuer = [];
    },
    problem: /^the run is verified, but Keycloak did not reject kid old/,
  },
  {
    title: "a fresh token of a key that does not sign",
    change: (evidence) => signFreshBy(evidence, "other"),
    problem: /^the run is verified, but a fresh token was signed by kid other, which does not sign/,
  },
  {
    title: "no fresh token",
    change: (evidence) => {
      verificationOf(evidence).fresh = [];
    },
    problem: /^the run is verified, but no fresh token was minted/,
  },
  {
    title: "an emergency that leaves a key trusted",
    change: (evidence) => {
      evidence.passive = [{ kid: "older", algorithm: "RS256", componentName: "name-older" }];
      evidence.keysAfter.push(realmKey("older", { status: "PASSIVE" }));
    },
    problem: /^the run is verified, but an emergency has left passive keys trusted/,
  },
  ...(["startedAt", "finishedAt"] as const).map((name) => ({
    title: `a last attempt with another time (${name})`,
    change: (evidence: Evidence) => {
      defined(evidence.attempts.at(-1))[name] = at(30);
    },
    problem: /^the last verification attempt does not match the verification/,
  })),
];

const sound: Variant[] = [
  {
    title: "a green run that needed two attempts",
    change: (evidence) => {
      const failures = ["api-2 did not answer"];
      evidence.attempts.unshift({ startedAt: at(24), finishedAt: at(26), verified: false, failures });
    },
  },
  {
    title: "a red run that found no failed phase, and gives none",
    of: unverified,
    change: () => undefined,
  },
  {
    title: "a run whose verification is missing, and one without attempts",
    of: unverified,
    change: (evidence) => {
      evidence.attempts = [{ startedAt: at(1), finishedAt: at(2), verified: false, failures: ["one"] }];
    },
  },
  {
    title: "a verification that is in no list of attempts",
    change: (evidence) => {
      evidence.attempts = [];
    },
  },
  {
    title: "a failed action in a run that is red",
    of: redEmergency,
    change: (evidence) => {
      evidence.internalKeys = { keys: [], failures: ["the HMAC key is still there"] };
      verificationOf(evidence).unseen = ["target shop has no instance"];
    },
  },
  {
    title: "a key closed by name, which Keycloak need not reject",
    change: (evidence) => {
      proveByAcknowledgement(evidence, "old");
      verificationOf(evidence).issuer = [];
    },
  },
  {
    title: "a key with canary tokens that is still trusted, which Keycloak need not reject",
    of: planned,
    change: () => undefined,
  },
  { title: "a key that was spared, which Keycloak need not reject", change: spareKey },
  {
    title: "two keys that sign, of which one has signed a fresh token",
    of: twoSigners,
    change: () => undefined,
  },
  {
    title: "Keycloak answering wrongly in a run that is red",
    of: redEmergency,
    change: (evidence) => {
      Object.assign(issuerOf(evidence), { verdict: accepted, ok: false });
    },
  },
  {
    title: "evidence of version 1, in which Keycloak was asked about no control token",
    change: (evidence) => {
      evidence.schemaVersion = 1;
      delete issuerOf(evidence).control;
    },
  },
];

forgeriesOf("outcome", forgeries);
soundOf("outcome", sound);

suite("instances that were called before and are not in the verification", () => {
  const baseline = [{ instance: "api-1", verdicts: [] }];
  const refreshed = { instance: "api-2", startedAt: at(1), finishedAt: at(2), attempts: 1 };
  const refresh = [{ ...refreshed, outcome: "claimed" as const }];
  const verification = { instances: [], departed: [] } as unknown as Verification;
  type Verification = NonNullable<Evidence["verification"]>;

  for (const [title, evidence, missing] of [
    [
      "are named once, wherever they were called",
      { baseline: [...baseline, ...baseline], refresh, verification },
      ["api-1", "api-2"],
    ],
    [
      "are not named where they are in it",
      { baseline, refresh: [], verification: { ...verification, instances: [{ instance: "api-1" }] } },
      [],
    ],
    [
      "are not named where they have departed",
      { baseline, refresh: [], verification: { ...verification, departed: ["api-1"] } },
      [],
    ],
    [
      "are not named where they are pods, which may end at any time",
      { baseline: [{ ...baseline[0], uid: "uid-1" }], refresh: [], verification },
      [],
    ],
  ] as const)
    test(title, () => assert.deepEqual(missingInstances(evidence as unknown as Evidence), missing));
});
