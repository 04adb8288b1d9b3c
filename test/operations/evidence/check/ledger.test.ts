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
  withLedger,
} from "../../evidence-bundles.ts";
import {
  acknowledge,
  defined,
  errorsIn,
  type Forgery,
  instanceOf,
  proveByAcknowledgement,
  verificationOf,
} from "../../forged-evidence.ts";
import { at, realmKey } from "../../samples.ts";

type Verification = NonNullable<Evidence["verification"]>;
type Entry = NonNullable<Verification["ledger"]>[number];

function proofOf(evidence: Evidence, index = 0) {
  return defined(instanceOf(evidence, index).proofs?.[0]);
}

function entryOf(evidence: Evidence): Entry {
  return defined(verificationOf(evidence).ledger?.[0]);
}

const closedEarlier: Entry = {
  ...{ kid: "older", algorithm: "RS256", componentName: "name-older", how: "by-hand" },
  ...{ disabledAt: at(-90), disabledAtIsExact: false, deadSince: at(-90) },
  ...{ status: "proven", closedFor: 7, left: 0 },
};

/** A key that an earlier rotation has closed, about which nobody owes a proof. */
function withOlder(evidence: Evidence, foundDead: string): void {
  evidence.keysAfter.push(realmKey("older", { status: "DISABLED", foundDead }));
  verificationOf(evidence).ledger?.push({ ...closedEarlier });
  for (const { proofs } of verificationOf(evidence).instances)
    proofs?.push({ kid: "older", proof: "closed" });
}

/** What an earlier verification has shown of the first instance, whose canary tokens have expired since. */
function keep(evidence: Evidence, provenAt: string): void {
  const instance = instanceOf(evidence);
  defined(evidence.retired[0]).deadSince = at(12);
  Object.assign(proofOf(evidence), { kept: true, provenAt });
  Object.assign(instance, { provenAt, checks: instance.checks.filter(({ check }) => check !== "retired") });
}

/** An earlier verification of this rotation has proven the first instance, before this one that asked it again. */
function keepAnswered(evidence: Evidence): void {
  const { checks } = instanceOf(evidence);
  keep(evidence, at(20));
  Object.assign(instanceOf(evidence), { checks });
}

const sound: [title: string, of: () => Findings, change: (evidence: Evidence) => void][] = [
  ["a green emergency", () => withLedger(emergency()), () => undefined],
  ["a red one", () => withLedger(redEmergency()), () => undefined],
  ["one with a restarted pod", () => withLedger(restartedEmergency()), () => undefined],
  [
    "one in which a key is known that an earlier rotation has closed",
    () => withLedger(emergency()),
    (evidence) => withOlder(evidence, "proven 7"),
  ],
  [
    "one in which an instance refuses a key of an earlier rotation that it was not asked about then",
    () => withLedger(emergency()),
    withOpenEarlier,
  ],
  [
    "a red one in which such a key is known",
    () => withLedger(redEmergency()),
    (evidence) => withOlder(evidence, "proven 7"),
  ],
  [
    "one in which a kill of an earlier rotation has disabled a key and proven that",
    () => withLedger(emergency()),
    (evidence) => {
      const killed = "proven 7 0123456789abcdef";
      evidence.keysAfter.push(realmKey("older", { status: "DISABLED", killed }));
    },
  ],
  [
    "one whose config goes on naming such a key",
    () => withLedger(emergency()),
    (evidence) => {
      withOlder(evidence, "proven 7");
      acknowledge(evidence, "older");
    },
  ],
  [
    "one that has retired nothing, with proofs about such a key that are kept",
    () => withLedger(planned()),
    (evidence) => {
      withOlder(evidence, "proven 7");
      for (const instance of verificationOf(evidence).instances)
        Object.assign(instance, { proof: "replayed", provenAt: at(-60), proofs: [keptOlder] });
    },
  ],
  [
    "one with two retired keys, of which the config closes one by name",
    () => withLedger(emergency()),
    closeSecond,
  ],
  [
    "one in which an earlier verification has shown what this one can't show again",
    () => withLedger(emergency()),
    (evidence) => {
      keepAnswered(evidence);
      evidence.exposureWindow = { from: at(12), to: at(30), ms: 18_000, exact: true };
    },
  ],
  [
    "one in which the start of a replayed instance was read for the sake of another key",
    () => withLedger(emergency()),
    (evidence) => {
      instanceOf(evidence).startup = { bootstrap: "seen", startedAt: at(13) };
    },
  ],
  [
    "one in which a pod has started after the death of such a key",
    () => withLedger(restartedEmergency()),
    (evidence) => withOlderStart(evidence),
  ],
];

/** The same, where a pod has started after its death, too; the run has read its start for the sake of another key. */
function withOlderStart(evidence: Evidence): void {
  withOlder(evidence, "proven 7");
  const proofs = defined(instanceOf(evidence, 1).proofs);
  Object.assign(defined(proofs.find(({ kid }) => kid === "older")), { proof: "restarted", provenAt: at(29) });
}

/** A second key was retired, which the config closes by name. */
function closeSecond(evidence: Evidence): void {
  evidence.retired.push({ ...defined(evidence.retired[0]), kid: "second" });
  const named = { ...entryOf(evidence), kid: "second", status: "acknowledged" as const };
  verificationOf(evidence).ledger?.push(named);
  proveByAcknowledgement(evidence, "second");
  for (const { proofs } of verificationOf(evidence).instances)
    proofs?.push({ kid: "second", proof: "acknowledged" });
}

/** What an earlier rotation has shown about a key that it has closed. */
const keptOlder = { kid: "older", proof: "replayed", provenAt: at(-60), kept: true } as const;

/** A key that an earlier rotation has left open, and an instance that was away then. */
function withOpenEarlier(evidence: Evidence): void {
  Object.assign(defined(evidence.retired[0]), { disabledAt: at(-90), deadSince: at(-90) });
  Object.assign(entryOf(evidence), { disabledAt: at(-90), deadSince: at(-90) });
  const [window] = [evidence.exposureWindow];
  if (window) Object.assign(window, { from: at(-90), ms: window.ms + 102_000 });
  for (const { verdicts } of evidence.baseline) for (const verdict of verdicts) verdict.kid = "other";
  evidence.keysBefore.push(realmKey("other"));
  evidence.keysAfter.push(realmKey("other"));
}

const forgeries: Forgery[] = [
  {
    title: "a key of an earlier rotation, refused by an instance whose probe was never seen to say no",
    change: (evidence) => {
      withOpenEarlier(evidence);
      for (const verdict of evidence.baseline[0]?.verdicts ?? []) delete verdict.forged;
    },
    problem: /api-1 has proof level replayed, but it did not accept the canary token of kid old/,
  },
  {
    title: "a key of this rotation, refused by an instance that was asked about another one only",
    change: (evidence) => {
      withOpenEarlier(evidence);
      Object.assign(defined(evidence.retired[0]), { deadSince: at(12) });
    },
    problem: /api-1 has proof level replayed, but it did not accept the canary token of kid old/,
  },
  {
    title: "nothing said about a retired key",
    change: (evidence) => {
      instanceOf(evidence).proofs = [];
      Object.assign(instanceOf(evidence), { proof: "nothing-retired" });
      delete instanceOf(evidence).provenAt;
    },
    problem: /api-1 is listed without a word on kid old, which is retired/,
  },
  {
    title: "two proofs about one key",
    change: (evidence) => {
      instanceOf(evidence).proofs?.push({ ...proofOf(evidence) });
    },
    problem: /api-1 has two proofs about kid old/,
  },
  {
    title: "a level that is stronger than the proofs",
    of: () => withLedger(restartedEmergency()),
    change: (evidence) => {
      instanceOf(evidence, 1).proof = "replayed";
    },
    problem: /api-9 has proof level replayed, but what is shown of it makes that restarted/,
  },
  {
    title: "a replay of an instance that was never asked before",
    of: () => withLedger(restartedEmergency()),
    change: (evidence) => {
      Object.assign(instanceOf(evidence, 1), { proof: "replayed" });
      proofOf(evidence, 1).proof = "replayed";
    },
    problem: /api-9 has proof level replayed, but it did not accept the canary token of kid old/,
  },
  {
    title: "a time that is not that of the last proof",
    change: (evidence) => {
      instanceOf(evidence).provenAt = at(29);
    },
    problem: /api-1 is listed as proven at .*:29\.000Z, but the last of its proofs is of .*:30\.000Z/,
  },
  {
    title: "a proof without a time",
    change: (evidence) => {
      delete proofOf(evidence).provenAt;
      delete instanceOf(evidence).provenAt;
    },
    problem: /api-1 is proven, but no time of proof is given/,
  },
  {
    title: "an earlier proof that is not earlier",
    change: (evidence) => keep(evidence, at(29)),
    problem: /api-1 has proof level replayed, but it is said to be shown by an earlier verification/,
  },
  {
    title: "an earlier proof from before the key's death",
    change: (evidence) => {
      keep(evidence, at(5));
    },
    problem: /api-1 has proof level replayed, but the key was not dead at the time/,
  },
  {
    title: "an earlier proof that the answer contradicts",
    of: () => withLedger(redEmergency()),
    change: (evidence) => {
      Object.assign(instanceOf(evidence, 1), { proof: "replayed", provenAt: at(20), reasons: [] });
      Object.assign(proofOf(evidence, 1), { proof: "replayed", provenAt: at(20), kept: true });
    },
    problem: /api-2 has proof level replayed, but it answered accepted to a token of it/,
  },
  {
    title: "a retired key that is called closed",
    change: (evidence) => {
      Object.assign(instanceOf(evidence), { proof: "nothing-retired" });
      delete instanceOf(evidence).provenAt;
      instanceOf(evidence).proofs = [{ kid: "old", proof: "closed" }];
    },
    problem: /api-1 owes a proof about kid old, and none is given/,
  },
  {
    title: "an acknowledgement that nobody has made",
    change: (evidence) => {
      Object.assign(instanceOf(evidence), { proof: "acknowledged" });
      delete instanceOf(evidence).provenAt;
      instanceOf(evidence).proofs = [{ kid: "old", proof: "acknowledged" }];
    },
    problem: /api-1 has proof level acknowledged, but kid old was not acknowledged/,
  },
  {
    title: "an acknowledgement of another key",
    change: (evidence) => {
      proveByAcknowledgement(evidence, "other");
      instanceOf(evidence).proofs = [{ kid: "old", proof: "acknowledged" }];
    },
    problem: /api-1 has proof level acknowledged, but kid old was not acknowledged/,
  },
  {
    title: "a time of proof at which nobody was asked, beside a key that is closed by name",
    change: (evidence) => {
      closeSecond(evidence);
      proofOf(evidence).provenAt = at(20);
    },
    problem: /api-1 is listed as proven at .*:20\.000Z, when it was not asked/,
  },
  {
    title: "a key that is called proven, and that the config closes by name",
    change: (evidence) => {
      closeSecond(evidence);
      Object.assign(defined(verificationOf(evidence).ledger?.[1]), { status: "proven" });
    },
    problem: /kid second is proven, but the config closes it by name/,
  },
  {
    title: "a proof about a key that is not retired",
    change: (evidence) => {
      instanceOf(evidence).proofs?.push({ kid: "other", proof: "replayed", provenAt: at(30) });
    },
    problem: /api-1 has proof level replayed, but kid other is not retired/,
  },
  {
    title: "a start from before the death of a key that an earlier rotation has closed",
    of: () => withLedger(restartedEmergency()),
    change: (evidence) => {
      withOlderStart(evidence);
      Object.assign(defined(verificationOf(evidence).ledger?.[1]), { deadSince: at(20) });
    },
    problem: /api-9 has proof level restarted, but it started before the keys were disabled/,
  },
  {
    title: "the start of a pod that proves an unknown key dead",
    of: () => withLedger(restartedEmergency()),
    change: (evidence) => {
      withOlder(evidence, "proven 7");
      instanceOf(evidence, 1).proofs?.push({ kid: "other", proof: "restarted", provenAt: at(30) });
    },
    problem: /api-9 has proof level restarted, but kid other is not retired/,
  },
  {
    title: "the start of a pod that proves a key dead which the ledger has open, and that is not retired",
    of: () => withLedger(restartedEmergency()),
    change: (evidence) => {
      withOlderStart(evidence);
      delete verificationOf(evidence).ledger?.[1]?.closedFor;
    },
    problem: /api-9 has proof level restarted, but kid older is not retired/,
  },
  {
    title: "a new replay of a key that an earlier rotation has closed",
    change: (evidence) => {
      withOlder(evidence, "proven 7");
      const proofs = defined(instanceOf(evidence).proofs);
      const older = defined(proofs.find(({ kid }) => kid === "older"));
      Object.assign(older, { proof: "replayed", provenAt: at(30) });
    },
    problem: /api-1 has proof level replayed, but kid older is not retired/,
  },
  {
    title: "a start from before the death of the key",
    of: () => withLedger(restartedEmergency()),
    change: (evidence) => {
      defined(evidence.retired[0]).disabledAtIsExact = false;
      defined(evidence.retired[0]).deadSince = at(20);
    },
    problem: /api-9 has proof level restarted, but it started before the keys were disabled/,
  },
  {
    title: "a disabled key that the ledger leaves out",
    change: (evidence) => {
      evidence.keysAfter.push(realmKey("forgotten", { status: "DISABLED" }));
    },
    problem: /kid forgotten is dead, and is not in the ledger/,
  },
  {
    title: "a disabled key that the ledger leaves out, with a mark that no run has written",
    change: (evidence) => {
      evidence.keysAfter.push(realmKey("forgotten", { status: "DISABLED", died: "acknowledged by me" }));
    },
    problem: /kid forgotten is dead, and is not in the ledger/,
  },
  {
    title: "proofs about each key, and no ledger of them",
    change: (evidence) => {
      delete verificationOf(evidence).ledger;
      delete instanceOf(evidence).proofs;
    },
    problem:
      /the instances are listed with a proof about each dead key, but there is no ledger of those keys/,
  },
  {
    title: "a retired key that the ledger leaves out, and no proofs about each key",
    change: (evidence) => {
      verificationOf(evidence).ledger = [];
      for (const instance of verificationOf(evidence).instances) delete instance.proofs;
    },
    problem: /kid old is dead, and is not in the ledger/,
  },
  {
    title: "a retired key that the ledger leaves out",
    change: (evidence) => {
      verificationOf(evidence).ledger = [];
    },
    problem: /kid old is dead, and is not in the ledger/,
  },
  {
    title: "a key that is open in the ledger and not among the retired ones",
    change: (evidence) => {
      const { closedFor: _closedFor, ...open } = closedEarlier;
      verificationOf(evidence).ledger?.push(open);
    },
    problem: /kid older is in the ledger, but not among the retired keys/,
  },
  {
    title: "fewer instances left than there are",
    of: () => withLedger(redEmergency()),
    change: (evidence) => {
      entryOf(evidence).left = 0;
    },
    problem: /the ledger lists 0 instances as left for kid old, but there are 1/,
  },
  {
    title: "a key that is proven although an instance is left",
    of: () => withLedger(redEmergency()),
    change: (evidence) => {
      entryOf(evidence).status = "proven";
    },
    problem: /kid old is proven, but 1 instances are left/,
  },
  {
    title: "a key that is proven by a red run",
    of: () => withLedger(redEmergency()),
    change: (evidence) => {
      entryOf(evidence).status = "proven";
    },
    problem: /kid old is proven, but the run is not verified/,
  },
  {
    title: "a verified run with an open key",
    change: (evidence) => {
      entryOf(evidence).status = "open";
    },
    problem: /the run is verified, but the death of kid old is open/,
  },
  {
    title: "a key that nobody has closed by name",
    change: (evidence) => {
      entryOf(evidence).status = "acknowledged";
    },
    problem: /kid old is acknowledged, but the config does not close it by name/,
  },
  {
    title: "a key that an earlier rotation is said to have closed, and has not",
    change: (evidence) => withOlder(evidence, `open ${at(-90)}`),
    problem: /kid older is listed as closed by rotation 7, but its mark in Keycloak does not say so/,
  },
];

suite("the ledger in a bundle", () => {
  for (const [title, of, change] of sound)
    test(`${title} is sound`, async (t) => {
      const directory = await bundleOf(t, of());
      await forge(directory, change);
      assert.deepEqual(await errorsIn(directory), []);
    });

  test("nothing is said of it where an older version has written the bundle", async (t) => {
    const { findings } = await checkBundle(await bundleOf(t, emergency()));
    assert.ok(findings.every(({ level, what }) => level !== "error" && !what.includes("ledger")));
  });

  for (const { title, of = () => withLedger(emergency()), change, problem } of forgeries)
    test(`${title}: found and named, with matching reports, checksums and signature`, async (t) => {
      const pair = ed25519();
      const directory = await bundleOf(t, of());
      await forge(directory, change);
      await signBundle(directory, pair);
      const errors = await errorsIn(directory, pair.publicKey);
      assert.notEqual(errors.length, 0);
      assert.match(errors.join("\n"), problem);
      assert.doesNotMatch(errors.join("\n"), /SHA256|evidence\.jws|report\.md|schema/);
    });
});
