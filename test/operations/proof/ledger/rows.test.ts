import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { RetiredKey } from "#operations/keys/retired-key";
import { type LedgerRow, type LedgerSources, ledgerRows } from "#operations/proof/ledger/rows";
import type { LedgerState } from "#operations/proof/ledger/state";
import { at, realmKey } from "../../samples.ts";

const key = (change: Partial<RetiredKey> = {}): RetiredKey => ({
  ...{ kid: "old", algorithm: "RS256", componentName: "name-old", how: "rotation" },
  ...{ disabledAt: at(0), disabledAtIsExact: true, deadSince: at(0) },
  ...change,
});
const dead = (marks: Partial<ReturnType<typeof realmKey>> = {}) =>
  realmKey("old", { status: "DISABLED", ...marks });
const stateOf = (change: Partial<LedgerState["rows"][number]> = {}): LedgerState => ({
  rows: [{ ...key(), ...change }],
  cells: {},
});
const other = realmKey("other", { status: "DISABLED", died: "proven 7" });
const proven = { by: "proven", rotation: 8, at: at(50) } as const;

interface Case {
  title: string;
  cutover?: Partial<LedgerSources["cutover"]>;
  keys?: LedgerSources["keys"];
  acknowledged?: string[];
  state?: LedgerState;
  expected: Partial<LedgerRow> | undefined;
}

/** The cut-over was complete at 10, and the realm is read at 100; a key that signs is there besides. */
const cases: Case[] = [
  {
    title: "a key that the cut-over has retired is open",
    cutover: { retired: [key()] },
    keys: [dead({ died: "open 8" })],
    expected: {
      standing: "open",
      how: "rotation",
      deadSince: at(0),
      keepsCells: true,
      isTrustedAgain: false,
    },
  },
  {
    title:
      "it is shown again where its verification is repeated after a green one, and what was shown counts",
    cutover: { retired: [key()] },
    keys: [dead({ died: "proven 8" })],
    state: stateOf({ closing: proven }),
    expected: { standing: "open", keepsCells: true },
  },
  {
    title: "the same where the state is lost",
    cutover: { retired: [key()] },
    keys: [dead({ died: "proven 8" })],
    expected: { standing: "open", keepsCells: true },
  },
  {
    title: "where it came back after its proof, nothing that was shown counts",
    cutover: { retired: [key()] },
    keys: [dead({ died: "open 8" })],
    state: stateOf({ closing: proven }),
    expected: { standing: "open", keepsCells: false },
  },
  {
    title: "after a red verification, what was shown of single instances counts",
    cutover: { retired: [key()] },
    keys: [dead({ died: "open 8" })],
    state: stateOf(),
    expected: { standing: "open", keepsCells: true },
  },
  {
    title: "a key that somebody has disabled after the cut-over is open, since it was seen",
    keys: [dead()],
    expected: { standing: "open", how: "by-hand", deadSince: at(100) },
  },
  {
    title: "a key that the cut-over has left trusted and that somebody has removed since is open",
    cutover: { keysAfter: [realmKey("old")] },
    expected: { standing: "open", how: "removed", deadSince: at(100) },
  },
  {
    title: "a key that a green verification of an earlier rotation has closed is closed",
    keys: [dead({ died: "proven 8" })],
    state: stateOf({ closing: proven }),
    expected: { standing: "closed", closing: proven, keepsCells: true },
  },
  {
    title: "the same beside one that this cut-over has retired",
    cutover: { retired: [key({ kid: "other" })] },
    keys: [other, dead({ died: "proven 8" })],
    state: stateOf({ closing: proven }),
    expected: { standing: "closed", closing: proven },
  },
  {
    title: "what has closed another key closes none",
    cutover: { retired: [key()] },
    keys: [other, dead({ died: "open 8" })],
    state: {
      ...stateOf(),
      rows: [{ ...key({ kid: "other" }), closing: proven }, key()],
    },
    expected: { standing: "open", closing: undefined, keepsCells: true },
  },
  {
    title: "one that is closed and that somebody has enabled again is not dead",
    keys: [realmKey("old", { died: "proven 8" }), other],
    state: stateOf({ closing: proven }),
    expected: undefined,
  },
  {
    title: "one that the state does not know and that is closed by its mark is nobody's business",
    keys: [dead({ died: "proven 8" })],
    expected: undefined,
  },
  {
    title: "one that the config closes by name is acknowledged",
    cutover: { retired: [key()] },
    keys: [dead({ died: "open 8" })],
    acknowledged: ["old"],
    expected: { standing: "acknowledged" },
  },
  {
    title: "one that an earlier rotation has closed stays closed, whatever the config goes on saying",
    keys: [dead({ died: "proven 8" })],
    acknowledged: ["old"],
    state: stateOf({ closing: proven }),
    expected: { standing: "closed" },
  },
  {
    title: "one that the config closes by name is so in each verification of its rotation",
    cutover: { retired: [key()] },
    keys: [dead({ died: "acknowledged 8" })],
    acknowledged: ["old"],
    state: stateOf({ closing: { ...proven, by: "acknowledged" } }),
    expected: { standing: "acknowledged" },
  },
  {
    title: "one that somebody has enabled again since the cut-over is said to be trusted",
    cutover: { retired: [key()] },
    keys: [realmKey("old", { died: "open 8" })],
    expected: { standing: "open", isTrustedAgain: true },
  },
  {
    title: "of one that the realm has no more, the state says that it is closed",
    cutover: { gone: [key({ how: "removed" })] },
    state: stateOf({ how: "removed", closing: proven }),
    expected: { standing: "closed" },
  },
  {
    title: "of one that the realm has no more, and that died after it was closed, it is open",
    cutover: { gone: [key({ how: "removed", deadSince: at(60), disabledAt: at(60) })] },
    state: stateOf({ closing: proven }),
    expected: { standing: "open" },
  },
  {
    title: "the same where it was closed in the very moment of its death: it is closed",
    cutover: { gone: [key({ how: "removed", deadSince: at(50), disabledAt: at(50) })] },
    state: stateOf({ closing: proven }),
    expected: { standing: "closed" },
  },
  {
    title: "of one that the last verification has seen to be trusted again, the last death counts",
    cutover: { gone: [key({ how: "removed" })] },
    state: stateOf({ disabledAt: at(60), disabledAtIsExact: false, deadSince: at(60) }),
    expected: { standing: "open", deadSince: at(60) },
  },
  {
    title: "of two that the realm has no more, each is open",
    cutover: { gone: [key({ kid: "gone", how: "removed" }), key({ how: "removed" })] },
    expected: { standing: "open", how: "removed" },
  },
  {
    title: "the same in another order",
    cutover: { gone: [key({ how: "removed" }), key({ kid: "gone", how: "removed" })] },
    expected: { standing: "open", how: "removed" },
  },
  {
    title:
      "one that this rotation has retired and closed, and that somebody has deleted since, is shown again",
    cutover: { retired: [key()] },
    state: stateOf({ closing: proven }),
    expected: { standing: "open", closing: proven, keepsCells: true },
  },
  {
    title: "one that a red verification has left, and that somebody has deleted since, stays open",
    state: stateOf({ how: "by-hand", disabledAtIsExact: false }),
    expected: { standing: "open", how: "deleted" },
  },
  {
    title: "one that is closed, and that this program has deleted, is forgotten",
    state: stateOf({ closing: proven }),
    expected: undefined,
  },
  {
    title:
      "one of an older version's state is dead since the cut-over was complete, where the time is not exact",
    cutover: {
      retired: [
        {
          ...{ kid: "old", algorithm: "RS256", componentName: "name-old" },
          ...{ disabledAt: at(0), disabledAtIsExact: false },
        },
      ],
    },
    keys: [dead({ died: "open 8" })],
    expected: { standing: "open", how: "rotation", deadSince: at(10) },
  },
];

suite("ledgerRows", () => {
  for (const { title, cutover = {}, keys = [], acknowledged = [], state, expected } of cases)
    test(title, () => {
      const rows = ledgerRows({
        cutover: { keysAfter: [], completedAt: at(10), retired: [], ...cutover },
        ...{ keys: [realmKey("new"), ...keys], keysAt: at(100), acknowledged, state },
      });
      const kids = rows.map(({ kid }) => kid);
      assert.deepEqual(kids, [...new Set(kids)]);
      const row = rows.find(({ kid }) => kid === "old");
      const facts = expected && Object.keys(expected).map((name) => [name, row?.[name as keyof LedgerRow]]);
      assert.deepEqual(facts && Object.fromEntries(facts), expected);
      if (!expected) assert.deepEqual(kids, []);
    });
});
