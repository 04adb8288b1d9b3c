import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { checkKeys } from "#operations/evidence/check/keys";
import type { Evidence } from "#operations/evidence/evidence-schema";
import { emergency, planned } from "../../evidence-bundles.ts";
import {
  canaryOf,
  defined,
  type Forgery,
  forgeriesOf,
  soundOf,
  type Variant,
} from "../../forged-evidence.ts";
import { realmKey } from "../../samples.ts";

function keyAfter(evidence: Evidence, kid: string) {
  return defined(evidence.keysAfter.find((one) => one.kid === kid));
}

/** A run that failed after the cut-over. */
function unverified() {
  const { proof: _proof, ...rest } = emergency();
  return rest;
}

const untrusted = /^kid stolen was trusted before and is not any more, but is not listed as retired/;

const forgeries: Forgery[] = [
  ...(["ACTIVE", "PASSIVE"] as const).map(
    (status): Forgery => ({
      title: `a retired key that is ${status}`,
      change: (evidence) => {
        keyAfter(evidence, "old").status = status;
      },
      problem: new RegExp(`^retired kid old is ${status} after the cut-over`),
    }),
  ),
  {
    title: "a retired key that a URL still shows",
    change: (evidence) => void defined(evidence.jwksReadBack[0]).kids.push("old"),
    problem: /^retired kid old was still published at http:\/\/sso\.example\/certs/,
  },
  {
    title: "a retired key that is also passive",
    change: (evidence) =>
      void evidence.passive.push({ kid: "old", algorithm: "RS256", componentName: "name-old" }),
    problem: /^passive kid old is not trusted after the cut-over/m,
    isAmongOthers: true,
  },
  {
    title: "a signer that does not sign",
    change: (evidence) => {
      keyAfter(evidence, "new").signing = false;
    },
    problem: /^kid new is listed as signing, but does not sign after the cut-over/,
  },
  {
    title: "a signer that is passive",
    change: (evidence) => {
      keyAfter(evidence, "new").status = "PASSIVE";
    },
    problem: /^kid new is listed as signing, but does not sign after the cut-over/,
  },
  {
    title: "a signer that is not there",
    change: (evidence) => {
      keyAfter(evidence, "new").kid = "other";
    },
    problem: /^kid new is listed as signing, but does not sign after the cut-over/,
  },
  {
    title: "a signer that nobody can know of",
    change: (evidence) => {
      evidence.signers.push({ kid: "hidden", algorithm: "RS256" });
      evidence.keysAfter.push(realmKey("hidden", { signing: true }));
    },
    problem: /^kid hidden is listed as signing, but is not in jwks-after\.json/,
  },
  {
    title: "a passive key that is not there",
    of: planned,
    change: (evidence) =>
      void evidence.passive.push({ kid: "other", algorithm: "RS256", componentName: "name-other" }),
    problem: /^passive kid other is not trusted after the cut-over/,
  },
  {
    title: "a key that was trusted and is left out",
    change: (evidence) => void evidence.keysBefore.push(realmKey("stolen", { status: "PASSIVE" })),
    problem: untrusted,
  },
  {
    title: "a key that was disabled and is left out",
    change: (evidence) => {
      evidence.keysBefore.push(realmKey("stolen"));
      evidence.keysAfter.push(realmKey("stolen", { status: "DISABLED" }));
    },
    problem: untrusted,
  },
  {
    title: "a key with canary tokens that is left out, and out of what was there before, too",
    change: (evidence) => {
      const stolen = structuredClone(canaryOf(evidence));
      stolen.kid = "stolen";
      stolen.seen.jti = "jti-stolen-seen";
      stolen.unseen.jti = "jti-stolen-unseen";
      evidence.canaries.push(stolen);
    },
    problem: untrusted,
  },
  {
    title: "a realm without a signer",
    of: unverified,
    change: (evidence) => {
      evidence.signers = [];
    },
    problem: /^no key signs after the cut-over/,
  },
];

const sound: Variant[] = [
  { title: "keys in another order", change: (evidence) => void evidence.keysAfter.reverse() },
  {
    title: "a run that ended before its cut-over",
    of: () => {
      const { phases, prepared } = emergency();
      return { phases: phases.slice(0, 2), prepared };
    },
    change: () => undefined,
  },
  {
    title: "keys that were disabled before",
    change: (evidence) => void evidence.keysBefore.push(realmKey("ancient", { status: "DISABLED" })),
  },
  {
    title: "a key that a URL shows, and that is not retired",
    change: (evidence) => void defined(evidence.jwksReadBack[0]).kids.push("spared"),
  },
  {
    title: "a key that nobody knew before, and one that is spared",
    change: (evidence) => {
      evidence.keysBefore.push(realmKey("spared"));
      evidence.keysAfter.push(realmKey("spared"), realmKey("later", { status: "PASSIVE" }));
    },
  },
];

forgeriesOf("keys", forgeries);
soundOf("keys", sound);

suite("the key set after the cut-over", () => {
  const evidence = {
    ...{ retired: [{ kid: "old" }], signers: [], passive: [], keysBefore: [], keysAfter: [] },
    ...{ canaries: [], jwksReadBack: [] },
  } as unknown as Evidence;

  for (const [title, jwks, problems] of [
    [
      "that has a retired key is found",
      { keys: [{ kid: "old" }] },
      ["retired kid old is in jwks-after.json"],
    ],
    ["without a retired key is fine", { keys: [{ kid: "new" }] }, []],
    ["that is none is found", { keys: "none" }, ["jwks-after.json is not a key set"]],
    ["that is missing is found", undefined, ["jwks-after.json is not a key set"]],
  ] as const)
    test(title, () => assert.deepEqual(checkKeys(evidence, jwks), problems));
});
