import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Evidence } from "#operations/evidence/evidence-schema";
import {
  bundleOf,
  ed25519,
  emergency,
  forge,
  redEmergency,
  restartedEmergency,
  signBundle,
} from "../../evidence-bundles.ts";
import {
  accepted,
  canaryOf,
  defined,
  errorsIn,
  type Forgery,
  instanceOf,
  retiredCheck,
  retiredKeyOf,
  verificationOf,
} from "../../forged-evidence.ts";
import { at } from "../../samples.ts";

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

/** Lies that somebody took some care over: each is contradicted by more than one fact. */
const lies: Omit<Forgery, "isAmongOthers">[] = [
  {
    title: "an instance that is marked good although it accepted the retired key",
    of: redEmergency,
    change: whitewash,
    problem: /api-2 has proof level replayed, but it answered accepted to the seen canary token of kid old/,
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
    title: "an answer that is said to be the expected one",
    change: (evidence) => {
      Object.assign(retiredCheck(evidence), { expected: "accepted", verdict: accepted });
    },
    problem: /api-1 lists accepted as the expected answer to the retired token \(old\)/,
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
    title: "another key that is said to have been retired",
    change: (evidence) => {
      retiredKeyOf(evidence).kid = "new";
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
    title: "a realm without a signer",
    change: (evidence) => {
      evidence.signers = [];
    },
    problem: /no key signs after the cut-over/,
  },
  {
    title: "a canary token used twice",
    change: (evidence) => {
      canaryOf(evidence).unseen.jti = defined(evidence.canaries[0]).seen.jti;
    },
    problem: /the token with jti jti-seen is listed twice/,
  },
];

suite("a lie with matching reports, checksums and signature", () => {
  for (const { title, of = emergency, change, problem } of lies)
    test(`${title}: only the facts contradict it, for somebody who has the key may have signed it`, async (t) => {
      const pair = ed25519();
      const directory = await bundleOf(t, of());
      await forge(directory, change);
      await signBundle(directory, pair);
      const errors = (await errorsIn(directory, pair.publicKey)).join("\n");
      assert.match(errors, problem);
      assert.doesNotMatch(errors, /SHA256|evidence\.jws|report\.md|schema/);
    });
});
