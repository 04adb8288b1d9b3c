import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type DeathRecord, deathsIn } from "#operations/keys/deaths";
import type { RetiredKey } from "#operations/keys/retired-key";
import { at, realmKey } from "../samples.ts";

const trusted = realmKey("old");
const dead = (marks: Partial<ReturnType<typeof realmKey>> = {}) =>
  realmKey("old", { status: "DISABLED", ...marks });
const reference = { kid: "old", algorithm: "RS256", componentName: "name-old" };
const known = (change: Partial<RetiredKey> = {}): RetiredKey => ({
  ...reference,
  ...{ how: "rotation", disabledAt: at(-50), disabledAtIsExact: true, deadSince: at(-50) },
  ...change,
});

interface Case {
  title: string;
  before?: ReturnType<typeof realmKey>[];
  after?: ReturnType<typeof realmKey>[];
  disabledAt?: string;
  last?: Partial<DeathRecord["last"]>;
  /** How, when, whether that is exact, and since when it is certainly dead. Undefined: it is not listed. */
  expected: [RetiredKey["how"], string, boolean, string] | undefined;
}

/** The keys were read at 0 before, and at 10 after; a key that signs was there besides. */
const cases: Case[] = [
  {
    title: "a key that the cut-over has disabled died at that time",
    before: [trusted],
    after: [dead({ died: "open 8" })],
    disabledAt: at(5),
    expected: ["rotation", at(5), true, at(5)],
  },
  {
    title: "one that an interrupted attempt has disabled died at some time between the two looks",
    before: [trusted],
    after: [dead({ died: "open 8" })],
    expected: ["rotation", at(0), false, at(10)],
  },
  {
    title: "where a second attempt was interrupted, too, it died before the look of the first one",
    before: [trusted],
    after: [dead({ died: "open 8" })],
    last: { dead: [known({ disabledAt: at(0), disabledAtIsExact: false, deadSince: at(5) })] },
    expected: ["rotation", at(0), false, at(5)],
  },
  {
    title: "of one that an earlier attempt has disabled, the exact time is kept",
    before: [trusted],
    after: [dead({ died: "open 8" })],
    last: { dead: [known({ disabledAt: at(3), deadSince: at(3) })] },
    expected: ["rotation", at(3), true, at(3)],
  },
  {
    title: "one that an earlier rotation has left open keeps the time of its death",
    before: [dead({ died: "open 7" })],
    after: [dead({ died: "open 7" })],
    last: { dead: [known()] },
    expected: ["rotation", at(-50), true, at(-50)],
  },
  {
    title: "one that is open and that no state knows of is dead since it was first seen",
    before: [dead({ died: "open 7" })],
    after: [dead({ died: "open 7" })],
    expected: ["rotation", at(0), false, at(0)],
  },
  {
    title: "one that npm run kill has left open is named as such",
    before: [dead({ killed: "open 7" })],
    after: [dead({ killed: "open 7" })],
    expected: ["kill", at(0), false, at(0)],
  },
  {
    title: "one that somebody has disabled before the first up is open",
    before: [dead()],
    after: [dead()],
    expected: ["by-hand", at(0), false, at(0)],
  },
  {
    title: "its mark says since when it is known to be dead",
    before: [dead({ foundDead: `open ${at(-900)}` })],
    after: [dead({ foundDead: `open ${at(-900)}` })],
    expected: ["by-hand", at(-900), false, at(-900)],
  },
  {
    title: "one that somebody disables in the middle of the run is open",
    before: [trusted],
    after: [dead()],
    expected: ["by-hand", at(0), false, at(10)],
  },
  {
    title: "one that came and was disabled during the run died at its end at the latest",
    after: [dead()],
    expected: ["by-hand", at(10), false, at(10)],
  },
  {
    title: "one that an up had disabled, and whose marks somebody has taken away, counts as found dead",
    before: [dead({ foundDead: `open ${at(-9)}` })],
    after: [dead({ foundDead: `open ${at(-9)}` })],
    last: { dead: [known()] },
    expected: ["by-hand", at(-50), true, at(-50)],
  },
  {
    title: "what is known of another dead key says nothing of it",
    before: [dead()],
    after: [dead()],
    last: { dead: [known({ kid: "other", how: "kill", disabledAt: at(-90) }), known()] },
    expected: ["rotation", at(-50), true, at(-50)],
  },
  {
    title: "an older version's retired key without a mark keeps its cause",
    before: [dead()],
    after: [dead()],
    last: { dead: [{ ...reference, disabledAt: at(-50), disabledAtIsExact: true }] },
    expected: ["rotation", at(-50), true, at(-50)],
  },
  ...(["died", "foundDead"] as const).flatMap((mark) =>
    (["proven", "acknowledged"] as const).map((by) => ({
      title: `one whose death is closed is not listed (${mark} ${by})`,
      before: [dead({ [mark]: `${by} 7` })],
      after: [dead({ [mark]: `${by} 7` })],
      expected: undefined,
    })),
  ),
  {
    title: "nor one that npm run kill has proven",
    before: [dead({ killed: "proven 7 0123456789abcdef" })],
    after: [dead({ killed: "proven 7 0123456789abcdef" })],
    expected: undefined,
  },
  {
    title: "one that this rotation has retired stays listed when its death is closed",
    before: [trusted],
    after: [dead({ died: "proven 8" })],
    last: { dead: [known({ disabledAt: at(3), deadSince: at(3) })], listed: ["old"] },
    expected: ["rotation", at(3), true, at(3)],
  },
  {
    title: "one that somebody has enabled again is not dead",
    before: [trusted],
    after: [trusted],
    last: { dead: [known()] },
    expected: undefined,
  },
  {
    title: "one that somebody had enabled again and that is disabled anew has died anew",
    before: [trusted],
    after: [dead({ died: "open 8" })],
    disabledAt: at(5),
    last: { dead: [known()] },
    expected: ["rotation", at(5), true, at(5)],
  },
  {
    title: "the same where an interrupted attempt did it",
    before: [trusted],
    after: [dead({ died: "open 8" })],
    last: { dead: [known()] },
    expected: ["rotation", at(0), false, at(10)],
  },
  {
    title: "a key that was trusted and that somebody has removed is open",
    last: { trusted: [reference] },
    expected: ["removed", at(0), false, at(0)],
  },
  {
    title: "the same in the middle of the run",
    before: [trusted],
    expected: ["removed", at(0), false, at(10)],
  },
  {
    title: "it stays so",
    last: { dead: [known({ how: "removed", disabledAtIsExact: false })] },
    expected: ["removed", at(-50), false, at(-50)],
  },
  {
    title: "a dead key that somebody has deleted is open: nobody knows whether its death was closed",
    last: { dead: [known()] },
    expected: ["deleted", at(-50), true, at(-50)],
  },
  {
    title: "the same where no state knows of it and it goes in the middle of the run",
    before: [dead({ died: "open 7" })],
    expected: ["deleted", at(0), false, at(0)],
  },
  {
    title: "the same where another key was trusted",
    before: [dead({ died: "open 7" })],
    last: { trusted: [{ ...reference, kid: "other" }] },
    expected: ["deleted", at(0), false, at(0)],
  },
  {
    title: "one that an earlier attempt has disabled and that somebody has deleted since was dead by then",
    before: [trusted],
    last: { dead: [known({ disabledAt: at(3), deadSince: at(3) })] },
    expected: ["deleted", at(3), true, at(3)],
  },
  {
    title: "one whose death was closed before it was deleted is not listed",
    before: [dead({ died: "proven 7" })],
    expected: undefined,
  },
  {
    title: "one that was enabled again and then removed was trusted to the end",
    before: [trusted],
    last: { dead: [known()] },
    expected: ["removed", at(0), false, at(10)],
  },
  {
    title: "where nothing is dead, nothing is listed",
    before: [trusted],
    after: [trusted],
    expected: undefined,
  },
];

suite("deathsIn", () => {
  for (const { title, before = [], after = [], disabledAt, last = {}, expected } of cases)
    test(title, () => {
      const deaths = deathsIn({
        before: { keysBefore: [realmKey("new"), ...before], keysBeforeAt: at(0) },
        ...{ keysAfter: [realmKey("new"), ...after], keysAfterAt: at(10) },
        disabledAt: new Map(disabledAt === undefined ? [] : [["old", disabledAt]]),
        last: { dead: [], trusted: [], ...last },
      });
      const kids = deaths.map(({ kid }) => kid);
      assert.deepEqual(kids, [...new Set(kids)]);
      assert.ok(!kids.includes("new"));
      const death = deaths.find(({ kid }) => kid === "old");
      assert.deepEqual(
        death && [death.how, death.disabledAt, death.disabledAtIsExact, death.deadSince],
        expected,
      );
    });
});
