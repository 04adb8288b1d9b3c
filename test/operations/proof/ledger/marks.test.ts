import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { MarkChanges } from "#operations/keys/key-marks";
import type { RealmKey } from "#operations/keys/realm-keys";
import type { Check } from "#operations/proof/check";
import { marksAfter } from "#operations/proof/ledger/marks";
import type { LedgerRow } from "#operations/proof/ledger/rows";
import { at, ledgerRow, realmKey } from "../../samples.ts";

const dead = (marks: Partial<RealmKey> = {}) => realmKey("old", { status: "DISABLED", ...marks });
const accepts = (subject: string): Check => ({
  ...{ check: "earlier", subject, expected: "rejected", ok: false, at: at(30) },
  verdict: { kind: "accepted", status: 200 },
});

interface Row {
  title: string;
  key: RealmKey;
  /** Default: it is open. Null: nothing is known of it. */
  row?: LedgerRow | null;
  /** Default: a green verification. */
  verified?: boolean;
  checks?: Check[];
  expected: MarkChanges | undefined;
}

const rows: Row[] = [
  {
    title: "a green verification closes what an up has disabled",
    key: dead({ died: "open 8" }),
    expected: { died: "proven 9" },
  },
  {
    title: "and what somebody else has disabled",
    key: dead({ foundDead: `open ${at(0)}` }),
    expected: { foundDead: "proven 9" },
  },
  { title: "also where that was never marked", key: dead(), expected: { foundDead: "proven 9" } },
  {
    title: "and what npm run kill has disabled",
    key: dead({ killed: "open 8" }),
    expected: { killed: "proven 9" },
  },
  {
    title: "what the config closes by name is marked so",
    key: dead({ died: "open 8" }),
    row: ledgerRow({ standing: "acknowledged" }),
    expected: { died: "acknowledged 9" },
  },
  {
    title: "a red one closes nothing",
    key: dead({ died: "open 8" }),
    verified: false,
    expected: undefined,
  },
  {
    title: "a red one marks since when a key is dead that somebody else has disabled",
    key: dead(),
    verified: false,
    expected: { foundDead: `open ${at(0)}` },
  },
  {
    title: "once is enough",
    key: dead({ foundDead: `open ${at(-9)}` }),
    verified: false,
    expected: undefined,
  },
  {
    title: "what is closed stays so",
    key: dead({ died: "proven 8" }),
    row: ledgerRow({ standing: "closed" }),
    expected: undefined,
  },
  {
    title: "what is closed and accepted again is opened again",
    key: dead({ died: "proven 8" }),
    row: ledgerRow({ standing: "closed" }),
    verified: false,
    checks: [accepts("old")],
    expected: { died: "open 9", killed: null, foundDead: null, borrowed: null },
  },
  {
    title: "that another key is accepted opens nothing",
    key: dead({ died: "proven 8" }),
    row: ledgerRow({ standing: "closed" }),
    verified: false,
    checks: [accepts("other")],
    expected: undefined,
  },
  { title: "a key of which nothing is known is left alone", key: dead(), row: null, expected: undefined },
  {
    title: "a key that somebody has enabled again that he had disabled bears no mark any more",
    key: realmKey("old", { foundDead: "proven 8" }),
    row: null,
    expected: { foundDead: null },
  },
  { title: "a key that is trusted is left alone", key: realmKey("old"), row: null, expected: undefined },
  {
    title: "a key that is trusted and that an up had disabled keeps its mark: it is to be disabled again",
    key: realmKey("old", { died: "proven 8" }),
    row: ledgerRow({ isTrustedAgain: true }),
    verified: false,
    expected: undefined,
  },
];

suite("what a verification marks on a key", () => {
  for (const { title, key, row = ledgerRow(), verified = true, checks = [], expected } of rows)
    test(title, () => {
      const outcome = { verified, rotation: 9, at: at(40), instances: [{ checks: [] }, { checks }] };
      assert.deepEqual(marksAfter(key, row ?? undefined, outcome), expected);
    });
});
