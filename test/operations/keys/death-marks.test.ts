import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  acknowledgedDeath,
  isDeathOpen,
  isRevived,
  openDeath,
  openKeys,
  provenDeath,
} from "#operations/keys/death-marks";
import { formatMarks, parseMarks } from "#operations/keys/key-marks";
import { openKill, provenKill } from "#operations/keys/kill-marks";
import type { RealmKey } from "#operations/keys/realm-keys";
import { realmKey } from "../samples.ts";

const marked = (status: RealmKey["status"], ...marks: Parameters<typeof formatMarks>[0][]) =>
  realmKey("old", { status, ...parseMarks(formatMarks(Object.assign({}, ...marks))) });

interface Row {
  title: string;
  key: RealmKey;
  /** Whether an up has left it unproven. Default: not. */
  open?: true;
  /** Whether any run has. Default: as `open`. */
  unproven?: true;
  /** Default: not. */
  revived?: true;
}

const rows: Row[] = [
  { title: "that an up has disabled", key: marked("DISABLED", openDeath(8)), open: true },
  { title: "that an up has disabled and proven", key: marked("DISABLED", provenDeath(8)) },
  { title: "that the config has closed by name", key: marked("DISABLED", acknowledgedDeath(8)) },
  { title: "that a kill has disabled", key: marked("DISABLED", openKill(8)), unproven: true },
  { title: "that a kill has disabled and proven", key: marked("DISABLED", provenKill(8)) },
  {
    title: "that an up has proven and a kill has disabled later",
    key: marked("DISABLED", provenDeath(7), { killed: "open 8" }),
    unproven: true,
  },
  { title: "that somebody else has disabled", key: marked("DISABLED") },
  {
    title: "with a mark that nobody of us wrote",
    key: realmKey("old", { status: "DISABLED", died: "open 8 or so" }),
  },
  {
    title: "with a mark that only ends like ours",
    key: realmKey("old", { status: "DISABLED", died: "reopen 8" }),
  },
  { title: "that is trusted and has no mark", key: marked("ACTIVE") },
  {
    title: "that an up had disabled, and is trusted again",
    key: marked("PASSIVE", openDeath(8)),
    revived: true,
  },
  {
    title: "that an up had proven, and is trusted again",
    key: marked("ACTIVE", provenDeath(8)),
    revived: true,
  },
  {
    title: "that a kill had disabled, and is trusted again",
    key: marked("ACTIVE", openKill(8)),
    revived: true,
  },
];

suite("a key", () => {
  for (const { title, key, open = false, unproven = open, revived = false } of rows) {
    const what = revived
      ? "is revived"
      : unproven
        ? "is open until it is proven"
        : "is neither open nor revived";
    test(`${title} ${what}`, () => {
      assert.equal(isDeathOpen(key), open);
      assert.deepEqual(openKeys([key]), unproven ? [key] : []);
      assert.equal(isRevived(key), revived);
    });
  }
});
