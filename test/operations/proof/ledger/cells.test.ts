import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Check } from "#operations/proof/check";
import { type CellProof, needsStartup, proveCell, type Shown } from "#operations/proof/ledger/cells";
import type { AskableRow } from "#operations/proof/ledger/rows";
import type { Cell } from "#operations/proof/ledger/state";
import { at, ledgerRow, soundBefore } from "../../samples.ts";

const token = (jti: string) => ({ kid: "old", algorithm: "RS256", jti, token: "t", expiresAt: at(36_000) });
const canary = { kid: "old", algorithm: "RS256", seen: token("seen"), unseen: token("unseen") };
const askable = (change: Partial<AskableRow> = {}) => ledgerRow({ canary, ...change });

const check = (canaryToken: "seen" | "unseen", change: Partial<Check> = {}): Check => ({
  ...{ check: "retired", subject: "old", canary: canaryToken, jti: canaryToken, expected: "rejected" },
  ...{ verdict: { kind: "rejected", status: 401 }, ok: true, at: at(canaryToken === "seen" ? 31 : 30) },
  ...change,
});
const accepts = { verdict: { kind: "accepted", status: 200 }, ok: false } as const;
const both = [check("unseen"), check("seen")];
const sound = [soundBefore("old")];
const pod = { name: "api-1", target: "shop", uid: "1" };
const startedAt = (seconds: number) => ({
  instance: { ...pod, startedAt: at(seconds) },
  startup: { bootstrap: "seen", startedAt: at(seconds) } as const,
});
const cell = (change: Partial<Cell> = {}): Shown["cells"] => ({
  old: [{ instance: "shop/1", place: "here", proof: "replayed", at: at(20), ...change }],
});

type Row = [title: string, row: AskableRow, shown: Partial<Shown>, expected: Partial<CellProof>];
const rows: Row[] = [
  [
    "it accepted the key before, and refuses both of its canary tokens now: replayed, at the last look",
    askable(),
    { checks: both, baseline: sound },
    { proof: "replayed", provenAt: at(31) },
  ],
  [
    "it was shown one of the two canary tokens only",
    askable(),
    { checks: [check("seen")], baseline: sound },
    { proof: "unproven" },
  ],
  [
    "it was shown other tokens of the key",
    askable(),
    { checks: [check("unseen", { jti: "other" }), check("seen", { jti: "another" })], baseline: sound },
    { proof: "unproven" },
  ],
  [
    "it was shown no canary token, whatever it said of the key before",
    ledgerRow(),
    { baseline: sound },
    { proof: "unproven", why: "can't be asked about kid old, for which there are no canary tokens" },
  ],
  [
    "it gave wrong answers about other keys only",
    askable(),
    {
      checks: [check("seen", { subject: "other", at: at(40), ...accepts }), ...both],
      baseline: sound,
    },
    { proof: "replayed", provenAt: at(31) },
  ],
  [
    "it accepts one of them",
    askable(),
    { checks: [check("unseen"), check("seen", accepts)], baseline: sound },
    { proof: "unproven", why: undefined },
  ],
  [
    "it accepts one of them, and has started since, and was proven before",
    askable(),
    { checks: [check("unseen", accepts), check("seen")], ...startedAt(5), cells: cell() },
    { proof: "unproven", why: undefined },
  ],
  [
    "it was not seen to accept the key before",
    askable(),
    { checks: both, baseline: [] },
    {
      proof: "unproven",
      why: "did not accept the canary token of kid old before the cut-over (was not asked), so its rejection now proves nothing",
    },
  ],
  [
    "it was seen to accept another key before",
    askable(),
    { checks: both, baseline: [soundBefore("other")] },
    {
      proof: "unproven",
      why: "did not accept the canary token of kid old before the cut-over (was not asked), so its rejection now proves nothing",
    },
  ],
  [
    "the key was dead before this rotation began, and its probe was seen to say yes and no about another key",
    askable({ isEarlier: true }),
    { checks: both, baseline: [soundBefore("other")] },
    { proof: "replayed" },
  ],
  [
    "the key was dead before, and its probe was seen to say yes and no about no other key",
    askable({ isEarlier: true }),
    { checks: both, baseline: [{ ...soundBefore("old"), forged: undefined }] },
    { proof: "unproven" },
  ],
  [
    "the key is this rotation's, whatever it said about another one",
    askable(),
    { checks: both, baseline: [soundBefore("other")] },
    { proof: "unproven" },
  ],
  [
    "the key was dead before, and its probe takes forged tokens",
    askable({ isEarlier: true }),
    {
      checks: both,
      baseline: [{ ...soundBefore("other"), forged: { verdict: { kind: "accepted", status: 200 } } }],
    },
    { proof: "unproven" },
  ],
  [
    "it has started after the key's death, and its log shows a bootstrap: restarted",
    askable(),
    { checks: both, ...startedAt(5) },
    { proof: "restarted", provenAt: at(31) },
  ],
  [
    "the same, and it accepted the key before: replayed",
    askable(),
    { checks: both, baseline: sound, ...startedAt(5) },
    { proof: "replayed" },
  ],
  [
    "it has started before the key's death, whatever its log shows",
    ledgerRow(),
    startedAt(-5),
    { proof: "unproven", why: "can't be asked about kid old, for which there are no canary tokens" },
  ],
  [
    "it has started after the death of another key, and before that of this one",
    ledgerRow({ deadSince: at(10) }),
    startedAt(5),
    { proof: "unproven" },
  ],
  [
    "its log shows no bootstrap: the log is quoted once for all keys",
    ledgerRow(),
    { ...startedAt(5), startup: { bootstrap: "missing", startedAt: at(5) } },
    { proof: "unproven", why: undefined },
  ],
  [
    "its log shows no bootstrap any more, and did when it was proven",
    ledgerRow(),
    {
      ...startedAt(5),
      startup: { bootstrap: "missing", startedAt: at(5) },
      cells: cell({ proof: "restarted" }),
    },
    { proof: "restarted", provenAt: at(20), kept: true },
  ],
  [
    "a command has restarted it after the key's death",
    ledgerRow(),
    { instance: { name: "api-1" }, startup: { bootstrap: "seen", startedAt: at(5) } },
    { proof: "restarted" },
  ],
  [
    "a command has restarted it in the very moment of the key's death",
    ledgerRow(),
    { instance: { name: "api-1" }, startup: { bootstrap: "seen", startedAt: at(0) } },
    { proof: "restarted" },
  ],
  [
    "a command has restarted it after the key's death, by its own word, and its platform reports an earlier start",
    ledgerRow(),
    { ...startedAt(-5), startup: { bootstrap: "seen", startedAt: at(5) } },
    { proof: "unproven" },
  ],
  [
    "a command has restarted it before the key's death",
    ledgerRow({ deadSince: at(10) }),
    { instance: { name: "api-1" }, startup: { bootstrap: "seen", startedAt: at(5) } },
    { proof: "unproven" },
  ],
  [
    "an earlier verification has shown it, and the canary tokens have expired since",
    ledgerRow({ expiredAt: at(90) }),
    { cells: cell() },
    { proof: "replayed", provenAt: at(20), kept: true },
  ],
  [
    "the same, and it was asked at another place",
    ledgerRow({ expiredAt: at(90) }),
    { cells: cell({ place: "there" }) },
    { proof: "unproven", why: `can't be asked about kid old, whose canary tokens have expired (${at(90)})` },
  ],
  [
    "the same, and it is another instance",
    ledgerRow(),
    { cells: cell({ instance: "shop/2" }) },
    { proof: "unproven" },
  ],
  [
    "the same, and a process of it answers that was not there",
    ledgerRow(),
    { cells: cell({ processes: ["w1"] }), processes: ["w1", "w2"] },
    { proof: "unproven" },
  ],
  [
    "the same, and its processes are those of then",
    ledgerRow(),
    { cells: cell({ processes: ["w1", "w2"] }), processes: ["w2"] },
    { proof: "replayed", kept: true },
  ],
  [
    "the key came back after its proof: what was shown before does not count",
    ledgerRow({ keepsCells: false }),
    { cells: cell() },
    { proof: "unproven" },
  ],
  [
    "it was proven before, and still is: the time of the first proof stays",
    askable(),
    { checks: both, baseline: sound, cells: cell() },
    { proof: "replayed", provenAt: at(20) },
  ],
  [
    "it was proven before the start that proves it now: that proof is another process's",
    askable(),
    { checks: both, ...startedAt(25), cells: cell() },
    { proof: "restarted", provenAt: at(31) },
  ],
  [
    "the same, and it is replayed besides: that needs no start, so the time of the first proof stays",
    askable(),
    { checks: both, baseline: sound, ...startedAt(25), cells: cell() },
    { proof: "replayed", provenAt: at(20) },
  ],
  ...[5, 20].map(
    (start): Row => [
      `it was proven at 20 s by its start at ${start} s, and still is: the time of the first proof stays`,
      askable(),
      { checks: both, ...startedAt(start), cells: cell({ proof: "restarted" }) },
      { proof: "restarted", provenAt: at(20) },
    ],
  ),
  ["the config closes the key by name", askable({ standing: "acknowledged" }), {}, { proof: "acknowledged" }],
  [
    "somebody has enabled the key again, whatever the config says",
    askable({ standing: "acknowledged", isTrustedAgain: true }),
    { checks: both, baseline: sound },
    { proof: "unproven", why: "can't have dropped kid old, which somebody has enabled again" },
  ],
  [
    "an earlier run has closed the key, and who was asked then is not known",
    ledgerRow({ standing: "closed" }),
    {},
    { proof: "closed" },
  ],
  [
    "an earlier run has closed the key, and it was asked then",
    ledgerRow({ standing: "closed" }),
    { cells: cell() },
    { proof: "closed" },
  ],
  [
    "an earlier run has closed the key, and its processes were restarted since",
    ledgerRow({ standing: "closed" }),
    { cells: cell({ processes: ["w1"] }), processes: ["w2"] },
    { proof: "closed" },
  ],
  [
    "an earlier run has closed the key, it was added after that, and refuses the key for the key's sake",
    askable({ standing: "closed" }),
    {
      instance: { name: "api-2" },
      cells: cell(),
      checks: [check("unseen", { check: "earlier" })],
    },
    { proof: "closed" },
  ],
  [
    "an earlier run has closed the key, and it has started since",
    ledgerRow({ standing: "closed" }),
    { instance: { ...pod, uid: "2", startedAt: at(5) }, cells: cell() },
    { proof: "closed" },
  ],
  [
    "an earlier run has closed the key, and its start was read for the sake of another key",
    ledgerRow({ standing: "closed" }),
    startedAt(5),
    { proof: "closed" },
  ],
  [
    "an earlier run has closed the key, and it was added after that",
    ledgerRow({ standing: "closed" }),
    { instance: { name: "api-2" }, cells: cell() },
    {
      proof: "unproven",
      why: "was not among the instances, or was asked in another way, when it was proven that all refuse kid old",
    },
  ],
  [
    "an earlier run has closed the key, and it accepts it now",
    askable({ standing: "closed" }),
    { checks: [check("unseen", { check: "earlier", ...accepts })], cells: cell() },
    { proof: "unproven", why: undefined },
  ],
];

suite("proveCell: an instance of which this is known", () => {
  for (const [title, row, shown, expected] of rows)
    test(title, () => {
      const proof = proveCell(row, {
        ...{ instance: pod, place: "here", checks: [], baseline: [], processes: [], cells: {} },
        ...shown,
      });
      const facts = Object.keys(expected).map((name) => [name, proof[name as keyof CellProof]]);
      assert.deepEqual(Object.fromEntries(facts), expected);
    });
});

suite("whether only its start can prove that an instance refuses", () => {
  for (const [title, row, baseline, expected] of [
    ["a key without canary tokens", ledgerRow(), sound, true],
    ["a key that it accepted before", askable(), sound, false],
    ["a key that it was not seen to accept before", askable(), [], true],
    ["a key, where it accepted another one before", askable(), [soundBefore("other")], true],
    ["a key that an earlier run has closed", ledgerRow({ standing: "closed" }), [], false],
    ["a key that the config closes by name", ledgerRow({ standing: "acknowledged" }), [], false],
    ["a key that somebody has enabled again", ledgerRow({ isTrustedAgain: true }), [], false],
  ] as const)
    test(`${title}: ${expected ? "yes" : "no"}`, () => {
      assert.equal(needsStartup(row, { baseline }), expected);
    });
});
