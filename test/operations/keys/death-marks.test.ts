import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  type ClosedBy,
  closedBy,
  closedDeath,
  foundDead,
  foundDeadAt,
  isRevived,
  openDeath,
  openKeys,
  reopenedDeath,
} from "#operations/keys/death-marks";
import { formatMarks, type MarkChanges, parseMarks } from "#operations/keys/key-marks";
import { openKill, provenKill } from "#operations/keys/kill-marks";
import type { RealmKey } from "#operations/keys/realm-keys";
import { at, realmKey } from "../samples.ts";

const marked = (status: RealmKey["status"], ...marks: MarkChanges[]) =>
  realmKey("old", { status, ...parseMarks(formatMarks(Object.assign({}, ...marks))) });

/** The key with what closes its death, or opens it again. */
function after(key: RealmKey, change: (key: RealmKey) => MarkChanges): RealmKey {
  return marked(key.status, parseMarks(formatMarks({ ...key, retireAfter: null })), change(key));
}

interface Row {
  title: string;
  key: RealmKey;
  /** Default: nothing, so that it is open where it is disabled. */
  closed?: ClosedBy;
  /** Default: not. */
  revived?: true;
}

const byUp = marked("DISABLED", openDeath(8));
const byKill = marked("DISABLED", openKill(8));
const byHand = marked("DISABLED", foundDead(at(0)));

const rows: Row[] = [
  { title: "that an up has disabled", key: byUp },
  { title: "that a kill has disabled", key: byKill },
  { title: "that somebody else has disabled", key: marked("DISABLED") },
  { title: "that somebody else has disabled and that was seen", key: byHand },
  ...[byUp, byKill, byHand].flatMap((key): Row[] =>
    (["proven", "acknowledged"] as const).map((by) => ({
      title: `of which a death (${formatMarks({ ...key, retireAfter: null })}) was ${by}`,
      key: after(key, (one) => closedDeath(one, by, 9)),
      closed: by,
    })),
  ),
  ...[byUp, byKill, byHand].map((key) => ({
    title: `that came back after its death (${formatMarks({ ...key, retireAfter: null })}) was proven`,
    key: after(
      after(key, (one) => closedDeath(one, "proven", 9)),
      (one) => reopenedDeath(one, 10, at(5)),
    ),
  })),
  {
    title: "that a kill has proven",
    key: marked("DISABLED", provenKill(8, "0123456789abcdef")),
    closed: "proven",
  },
  {
    title: "that an up has proven and a kill has disabled later",
    key: marked("DISABLED", { died: "proven 7" }, openKill(8)),
  },
  {
    title: "that was closed by hand's death and that an up has disabled later",
    key: marked("DISABLED", { foundDead: "proven 7" }, openDeath(8)),
  },
  ...["open 8 or so", "proven", "proven 8 or so", "unproven 8", "acknowledged by me"].map((died) => ({
    title: `with a mark that nobody of us wrote (${died})`,
    key: realmKey("old", { status: "DISABLED", died }),
  })),
  { title: "that is trusted and has no mark", key: marked("ACTIVE") },
  {
    title: "that an up had disabled, and is trusted again",
    key: marked("PASSIVE", openDeath(8)),
    revived: true,
  },
  {
    title: "that a kill had disabled, and is trusted again",
    key: marked("ACTIVE", openKill(8)),
    revived: true,
  },
  {
    title: "that somebody else had disabled and enabled again: it is theirs",
    key: marked("ACTIVE", foundDead(at(0))),
  },
];

suite("a key", () => {
  for (const { title, key, closed, revived = false } of rows) {
    const isOpen = key.status === "DISABLED" && closed === undefined;
    const what = closed ?? (isOpen ? "open" : revived ? "revived" : "not dead");
    test(`${title} is ${what}`, () => {
      assert.equal(key.status === "DISABLED" ? closedBy(key) : undefined, closed);
      assert.deepEqual(openKeys([key]), isOpen ? [key] : []);
      assert.equal(isRevived(key), revived);
    });
  }

  for (const [title, key, by, expected] of [
    ["an up has disabled, and that is proven", byUp, "proven", { died: "proven 9" }],
    ["an up has disabled, and that is closed by name", byUp, "acknowledged", { died: "acknowledged 9" }],
    ["somebody else has disabled, and that is proven", byHand, "proven", { foundDead: "proven 9" }],
    ["nobody has marked, and that is proven", marked("DISABLED"), "proven", { foundDead: "proven 9" }],
    ["a kill has disabled, and that is proven", byKill, "proven", { killed: "proven 9" }],
    [
      "a kill has disabled, and that is closed by name",
      byKill,
      "acknowledged",
      { died: "acknowledged 9", killed: null },
    ],
  ] as const)
    test(`that ${title} is marked so in the words of its own mark`, () => {
      assert.deepEqual(closedDeath(key, by, 9), expected);
    });

  for (const [title, key, expected] of [
    ["an up has disabled is marked as if this rotation had", byUp, openDeath(10)],
    ["somebody else has disabled is marked as found now", byHand, foundDead(at(5))],
    ["a kill has disabled is marked as that kill's", byKill, openKill(8)],
  ] as const)
    test(`that came back and that ${title}`, () => {
      assert.deepEqual(reopenedDeath(key, 10, at(5)), expected);
    });

  for (const [title, key, expected] of [
    ["its mark", byHand, at(0)],
    ["nothing where it has none", byUp, undefined],
    ["nothing where its death is closed", marked("DISABLED", { foundDead: "proven 7" }), undefined],
    ["nothing where the mark has no time", marked("DISABLED", { foundDead: "open since-then" }), undefined],
    ["nothing where more stands there", marked("DISABLED", { foundDead: `open ${at(0)} x` }), undefined],
  ] as const)
    test(`since when somebody else has disabled it says ${title}`, () => {
      assert.equal(foundDeadAt(key), expected);
    });
});
