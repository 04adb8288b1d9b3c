import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { planRun, type RunPlan } from "#operations/keys/plan-run";
import { managedKeyName, type RealmKey } from "#operations/keys/realm-keys";
import type { RunQuestion } from "#operations/keys/run-view";
import { at, realmKey, runQuestion } from "../samples.ts";

/** A key of a rotation; its kid is `r2-RS256`. */
function managed(rotation: number, change: Partial<RealmKey> = {}): RealmKey {
  const { algorithm = "RS256" } = change;
  const componentName = managedKeyName(rotation, algorithm);
  return realmKey(`r${rotation}-${algorithm}`, { componentName, ...change });
}

const signs = (rotation: number, change: Partial<RealmKey> = {}) =>
  managed(rotation, { signing: true, priority: 100 + rotation, ...change });
const passive = (rotation: number, change: Partial<RealmKey> = {}) =>
  managed(rotation, { status: "PASSIVE", ...change });
const disabled = (rotation: number, change: Partial<RealmKey> = {}) =>
  managed(rotation, { status: "DISABLED", ...change });

interface Row extends Partial<RunQuestion>, Partial<RunPlan> {
  title: string;
  keys: RealmKey[];
  stage: RunPlan["stage"];
}

const publishIt = "publish a new RS256 key for rotation 2, and make it the signer";
const said = (rotation: number, algorithm = "RS256") =>
  `kid r${rotation}-${algorithm} (${algorithm}, jwks-break-glass-r${rotation}-${algorithm})`;
const unmanaged = "kid old (RS256, name-old)";
const becomesPassive = (key: string, left = "6 min") =>
  `${key} no longer signs; its tokens are accepted for another ${left}, then the next update retires it`;
const atOnce = (key: string) => `disable ${key} at once: its tokens are refused from then on`;
const isDue = (key: string, end: string) =>
  `retire ${key}: its overlap ended at ${end}; its tokens are refused from then on`;

const planned: Row[] = [
  {
    title: "adoption gives the realm's unmanaged signing key an overlap",
    keys: [realmKey("old", { signing: true })],
    stage: "overlap",
    actions: [publishIt, becomesPassive(unmanaged)],
  },
  {
    title: "a rotation gives the key of the rotation before an overlap",
    keys: [disabled(0), signs(1)],
    stage: "overlap",
    actions: [publishIt, becomesPassive(said(1))],
  },
  {
    title: "a key that was retired and enabled again is disabled at once, though nothing else is to be done",
    keys: [passive(1, { died: "proven 2" }), signs(2, { retireAfter: at(-1) })],
    stage: "final",
    actions: [atOnce(said(1))],
  },
  {
    title: "one that was enabled again neither holds up the next rotation nor gets an overlap",
    rotation: 2,
    keys: [passive(0, { killed: "proven 1" }), signs(1, { retireAfter: at(250) })],
    stage: "overlap",
    actions: [atOnce(said(0)), publishIt, becomesPassive(said(1))],
  },
  {
    title: "the rotation's own key that was retired and enabled again is not used",
    keys: [signs(1), passive(2, { died: "proven 2" })],
    stage: "overlap",
    problems: [
      `rotation: 2 is over: ${said(2)} was retired and somebody has enabled it again; set rotation to 3, which disables it`,
    ],
  },
  {
    title: "a key that a crashed run has published is not published again",
    keys: [signs(1), passive(2, { priority: 0 })],
    stage: "overlap",
    actions: [`${said(2)} becomes the signer`, becomesPassive(said(1))],
  },
  {
    title:
      "after a crash between activation and passivation the old key becomes passive for the rest of the overlap",
    keys: [managed(1), signs(2, { retireAfter: at(250) })],
    stage: "overlap",
    actions: [becomesPassive(said(1), "4 min 10 s")],
  },
  {
    title: "after such a crash, and after the end of the overlap, the old key gets a whole new overlap",
    keys: [managed(1), signs(2, { retireAfter: at(-1) })],
    stage: "overlap",
    actions: [becomesPassive(said(1))],
  },
  {
    title: "during the overlap nothing changes",
    keys: [passive(1), signs(2, { retireAfter: at(1) })],
    stage: "overlap",
  },
  {
    title: "at the end of the overlap the passive key is retired",
    keys: [passive(1), signs(2, { retireAfter: at(0) })],
    stage: "final",
    actions: [isDue(said(1), at(0))],
  },
  {
    title: "an unmanaged key is retired as well",
    keys: [realmKey("old", { status: "PASSIVE" }), signs(2, { retireAfter: at(-9) })],
    stage: "final",
    actions: [isDue(unmanaged, at(-9))],
  },
  {
    title: "after the retirement nothing changes",
    keys: [disabled(1), signs(2, { retireAfter: at(-600) })],
    stage: "final",
  },
  {
    title: "if the overlaps of the algorithms end at different times, the last end counts",
    algorithms: ["RS256", "ES256"],
    keys: [
      passive(1),
      passive(1, { algorithm: "ES256" }),
      signs(2, { retireAfter: at(-1) }),
      signs(2, { algorithm: "ES256", retireAfter: at(1) }),
    ],
    stage: "overlap",
  },
  {
    title: "an algorithm that was added to the rotation gets a key, and the other key stays as it is",
    algorithms: ["RS256", "ES256"],
    keys: [disabled(1), signs(2, { retireAfter: at(-600) })],
    stage: "overlap",
    actions: ["publish a new ES256 key for rotation 2, and make it the signer"],
  },
  {
    title: "an unmanaged key that signs in the final stage gets an overlap of its own",
    keys: [realmKey("old", { priority: 900, signing: true }), managed(2, { retireAfter: at(-600) })],
    stage: "overlap",
    actions: [`${said(2)} becomes the signer`, becomesPassive(unmanaged)],
  },
  {
    title: "an unmanaged key that is active below the signing key gets one as well",
    keys: [realmKey("old"), signs(2, { retireAfter: at(-600) })],
    stage: "overlap",
    actions: [becomesPassive(unmanaged)],
  },
  {
    title: "a fallback key counts as unmanaged",
    keys: [realmKey("old", { componentName: "fallback-RS256", priority: -100 }), signs(2)],
    stage: "overlap",
    actions: [becomesPassive("kid old (RS256, fallback-RS256)")],
  },
  {
    title: "an unmanaged passive key without a known end gets an overlap instead of being retired",
    keys: [realmKey("old", { status: "PASSIVE" }), signs(2)],
    stage: "overlap",
    actions: [
      "kid old (RS256, name-old) no longer signs; its tokens are accepted for another 6 min, then the next update retires it",
    ],
  },
  {
    title: "exempt keys appear in no change and delay nothing",
    exemptKeys: ["saml", "partner"],
    keys: [
      realmKey("saml", { componentName: "saml", priority: 900 }),
      realmKey("partner", { componentName: "partner", status: "PASSIVE" }),
      signs(2),
    ],
    stage: "final",
  },
  {
    title: "planned after an emergency of the same rotation has nothing to do",
    keys: [disabled(1), signs(2)],
    stage: "final",
  },
  {
    title: "a rotation that was rolled back and is still trusted signs again",
    keys: [signs(1, { priority: 300, retireAfter: at(60) }), passive(2, { retireAfter: at(-60) })],
    stage: "overlap",
    actions: [`${said(2)} becomes the signer`, becomesPassive(said(1))],
  },
  {
    title: "a rotation that was rolled back and retired is over, and the next one is named",
    keys: [signs(1, { priority: 300, retireAfter: at(-60) }), disabled(2)],
    stage: "overlap",
    problems: [
      `rotation: 2 is over: ${said(2)} is disabled, and a disabled key is never enabled again; set rotation to 3`,
    ],
  },
];

const waits: Row[] = [
  {
    title: "a rotation that is bumped during an overlap must wait, and the message says for how long",
    rotation: 3,
    keys: [passive(1), signs(2, { retireAfter: at(250) })],
    stage: "overlap",
    problems: [
      `rotation: 3 must wait, the overlap of rotation 2 ends at ${at(250)} (4 min 10 s left) and ${said(1)} is trusted until then; until it ends, set rotation to 2, or set mode to emergency to end it at once`,
    ],
  },
  {
    title: "one that is bumped after the overlap, before the retirement, is allowed",
    rotation: 3,
    keys: [passive(1), signs(2, { retireAfter: at(-1) })],
    stage: "overlap",
    problems: [],
  },
  {
    title: "one that is bumped after the retirement is allowed",
    rotation: 3,
    keys: [disabled(1), signs(2, { retireAfter: at(-1) })],
    stage: "overlap",
    problems: [],
  },
  {
    title: "for one that is bumped during the overlap of a rollback, the message says how to let that end",
    rotation: 3,
    keys: [signs(1, { priority: 300, retireAfter: at(250) }), passive(2)],
    stage: "overlap",
    problems: [
      `rotation: 3 must wait, the overlap of rotation 2 ends at ${at(250)} (4 min 10 s left) and ${said(2)} is trusted until then; until it ends, set rotation to 2 and mode to rollback, or set mode to emergency to end it at once`,
    ],
  },
  {
    title: "all passive keys that it must wait for are named",
    rotation: 3,
    keys: [passive(1), realmKey("old", { status: "PASSIVE" }), signs(2, { retireAfter: at(60) })],
    stage: "overlap",
    problems: [
      `rotation: 3 must wait, the overlap of rotation 2 ends at ${at(60)} (1 min left) and ${said(1)}, ${unmanaged} are trusted until then; until it ends, set rotation to 2, or set mode to emergency to end it at once`,
    ],
  },
  {
    title: "exempt keys cause no waiting",
    rotation: 3,
    exemptKeys: ["name-old"],
    keys: [disabled(1), realmKey("old", { status: "PASSIVE" }), signs(2, { retireAfter: at(60) })],
    stage: "overlap",
    problems: [],
  },
];

const emergencies: Row[] = [
  {
    title: "every other trusted key is disabled at once, unmanaged and fallback keys too",
    keys: [
      realmKey("old", { status: "PASSIVE" }),
      realmKey("fallback", { componentName: "fallback-RS256", priority: -100 }),
      disabled(0),
      signs(1),
    ],
    stage: "final",
    actions: [publishIt, atOnce(unmanaged), atOnce("kid fallback (RS256, fallback-RS256)"), atOnce(said(1))],
  },
  {
    title: "with the same rotation during an overlap, the passive key is disabled",
    keys: [passive(1), signs(2, { retireAfter: at(60) })],
    stage: "final",
    actions: [atOnce(said(1))],
  },
  {
    title: "a rotation that is bumped during an overlap is allowed, and ends it",
    rotation: 3,
    keys: [passive(1), signs(2, { retireAfter: at(60) })],
    stage: "final",
    actions: [
      "publish a new RS256 key for rotation 3, and make it the signer",
      atOnce(said(1)),
      atOnce(said(2)),
    ],
  },
  {
    title: "one that is finished has nothing to do",
    incident: "INC-1",
    keys: [disabled(1), signs(2, { incident: "INC-1" })],
    stage: "final",
  },
  {
    title: "one whose rotation was not bumped is refused: no key would be retired for its incident",
    incident: "INC-2",
    keys: [disabled(1), signs(2, { incident: "INC-1" })],
    stage: "final",
    problems: [
      `rotation: it is still 2, ${said(2)} signs already and no key would be retired for INC-2; set rotation to 3`,
    ],
  },
  {
    title: "so it is where a planned rotation made the key",
    incident: "INC-1",
    keys: [disabled(1), signs(2)],
    stage: "final",
    problems: [
      `rotation: it is still 2, ${said(2)} signs already and no key would be retired for INC-1; set rotation to 3`,
    ],
  },
  {
    title: "where it ends an overlap without a bump, it says which key stays in use",
    incident: "INC-1",
    keys: [passive(1), signs(2, { retireAfter: at(60) })],
    stage: "final",
    actions: [atOnce(said(1))],
    warnings: [
      `rotation is still 2: ${said(2)} goes on signing, as of before INC-1; if that may be stolen, set rotation to 3`,
    ],
  },
  {
    title: "one that was interrupted only disables the old key",
    keys: [managed(1), signs(2)],
    stage: "final",
    actions: [atOnce(said(1))],
  },
  {
    title: "exempt keys appear in no change",
    exemptKeys: ["name-old"],
    keys: [realmKey("old"), signs(2)],
    stage: "final",
  },
  {
    title: "a rotation that was rolled back and retired can't be made an emergency",
    keys: [signs(1), disabled(2)],
    stage: "final",
    problems: [
      `rotation: 2 is over: ${said(2)} is disabled, and a disabled key is never enabled again; set rotation to 3`,
    ],
  },
  {
    title: "all disabled keys of the rotation are named",
    algorithms: ["RS256", "ES256"],
    keys: [signs(1), disabled(2), disabled(2, { algorithm: "ES256" })],
    stage: "final",
    problems: [
      `rotation: 2 is over: ${said(2)}, ${said(2, "ES256")} are disabled, and a disabled key is never enabled again; set rotation to 3`,
    ],
  },
];

const rollbacks: Row[] = [
  {
    title: "the passive key signs again, and the new key gets an overlap",
    keys: [passive(1), signs(2, { retireAfter: at(60) })],
    stage: "overlap",
    actions: [`${said(1)} signs again`, becomesPassive(said(2))],
  },
  {
    title: "an unmanaged key can sign again as well",
    rotation: 1,
    keys: [realmKey("old", { status: "PASSIVE" }), signs(1, { retireAfter: at(60) })],
    stage: "overlap",
    actions: [`${unmanaged} signs again`, becomesPassive(said(1))],
  },
  {
    title: "the key of the rotation before signs again, whatever the priority of an unmanaged key",
    keys: [realmKey("old", { status: "PASSIVE", priority: 900 }), passive(1), signs(2, { priority: 901 })],
    stage: "overlap",
    actions: [`${said(1)} signs again`, becomesPassive(said(2))],
  },
  {
    title: "an unmanaged key that was placed above the managed ones is not kept as the signing key",
    keys: [realmKey("old", { signing: true, priority: 900 }), passive(1), managed(2)],
    stage: "overlap",
    actions: [`${said(1)} signs again`, becomesPassive(unmanaged), becomesPassive(said(2))],
  },
  {
    title:
      "a key of a rotation that never reached its cut-over has not signed, and does not sign after a rollback",
    rotation: 3,
    keys: [realmKey("old", { status: "PASSIVE" }), passive(2, { priority: 0 }), signs(3)],
    stage: "overlap",
    actions: [`${unmanaged} signs again`, becomesPassive(said(3))],
  },
  {
    title: "an unmanaged key that still signs becomes managed",
    rotation: 1,
    keys: [realmKey("old", { signing: true }), passive(1, { priority: 0 })],
    stage: "overlap",
    actions: [`${unmanaged} keeps signing, and is renamed to jwks-break-glass-r0-RS256`],
  },
  {
    title: "neither a fallback key nor an exempt key signs after a rollback",
    exemptKeys: ["saml"],
    keys: [
      realmKey("old", { componentName: "fallback-RS256", priority: -100, status: "PASSIVE" }),
      realmKey("saml", { componentName: "saml", priority: 900 }),
      passive(1),
      signs(2, { priority: 901 }),
    ],
    stage: "overlap",
    actions: [`${said(1)} signs again`, becomesPassive(said(2))],
  },
  {
    title: "an interrupted rollback continues with the key that it has made the signer",
    keys: [signs(1, { priority: 300, retireAfter: at(60) }), managed(2)],
    stage: "overlap",
    actions: [becomesPassive(said(2), "1 min")],
  },
  {
    title: "during its overlap nothing changes",
    keys: [signs(1, { priority: 300, retireAfter: at(1) }), passive(2)],
    stage: "overlap",
  },
  {
    title: "at the end of its overlap the key that was rolled back is retired",
    keys: [signs(1, { priority: 300, retireAfter: at(0) }), passive(2, { retireAfter: at(-600) })],
    stage: "final",
    actions: [isDue(said(2), at(0))],
  },
  {
    title: "after that nothing changes",
    keys: [signs(1, { priority: 300, retireAfter: at(-60) }), disabled(2)],
    stage: "final",
  },
  {
    title: "an algorithm that the rotation added keeps its new key",
    algorithms: ["RS256", "ES256"],
    keys: [passive(1), signs(2), signs(2, { algorithm: "ES256" })],
    stage: "overlap",
    actions: [`${said(1)} signs again`, becomesPassive(said(2))],
  },
  {
    title: "such a key does not keep the other one from being retired",
    algorithms: ["RS256", "ES256"],
    keys: [
      signs(1, { priority: 300, retireAfter: at(-1) }),
      passive(2),
      signs(2, { algorithm: "ES256", retireAfter: at(-60) }),
    ],
    stage: "final",
    actions: [isDue(said(2), at(-1))],
  },
  {
    title:
      "after the retirement it is refused, and the message says which key keeps signing and what to do instead",
    keys: [disabled(1), signs(2)],
    stage: "overlap",
    problems: [
      `mode: rollback is not possible, because no signing key from before rotation 2 is still trusted and a disabled key is never enabled again; ${said(2)} keeps signing; set mode to planned and rotation to 3 for a new key`,
    ],
  },
  {
    title: "a realm without a rotation has nothing to roll back",
    keys: [realmKey("old", { signing: true })],
    stage: "overlap",
    problems: [
      "mode: rollback has nothing to take back, since this realm has had no rotation; set mode to planned or emergency",
    ],
  },
  {
    title: "a bumped rotation is refused, and the message says which rotation it would roll back",
    rotation: 3,
    keys: [passive(1), signs(2)],
    stage: "overlap",
    problems: ["rotation: rollback takes back rotation 2 and makes no new key; set rotation to 2"],
  },
];

/** Rows without actions expect none; for a refused run only the problems are checked. */
function check(
  { title, keys, stage, actions, problems, warnings, ...change }: Row,
  mode: RunQuestion["mode"],
): void {
  test(title, () => {
    const plan = planRun(keys, { ...runQuestion, mode, ...change });
    assert.deepEqual(plan.problems, problems ?? []);
    assert.deepEqual(plan.warnings, warnings ?? []);
    assert.equal(plan.stage, stage);
    if (problems === undefined) assert.deepEqual(plan.actions, actions ?? []);
  });
}

suite("planRun, planned", () => {
  for (const row of planned) check(row, "planned");
});
suite("planRun, another rotation during an overlap", () => {
  for (const row of waits) check(row, "planned");
});
suite("planRun, emergency", () => {
  for (const row of emergencies) check(row, "emergency");
});
suite("planRun, rollback", () => {
  for (const row of rollbacks) check(row, "rollback");
});

suite("planRun, keepRetired", () => {
  const closed = (rotation: number) => ({ ...disabled(rotation), died: `proven ${rotation + 1}` });
  const keys = [closed(2), closed(3), closed(4), passive(5), signs(6, { retireAfter: at(-1) })];
  const rows: [number, number[]][] = [
    [0, [2, 3, 4]],
    [1, [2, 3, 4]],
    [2, [2, 3]],
    [3, [2]],
    [4, []],
  ];
  for (const [keepRetired, deleted] of rows) {
    test(`${keepRetired} deletes ${deleted.length} of four, and never the one that is being retired`, () => {
      const { actions } = planRun(keys, { ...runQuestion, rotation: 6, keepRetired });
      const deletions = deleted.map(
        (rotation) => `delete ${said(rotation)}: it is disabled, and keepRetired is ${keepRetired}`,
      );
      assert.deepEqual(actions, [isDue(said(5), at(-1)), ...deletions]);
    });
  }

  test("nothing is deleted during an overlap or in an emergency, and no unmanaged key ever", () => {
    const dead = [closed(2), closed(3), realmKey("old", { status: "DISABLED", foundDead: "proven 3" })];
    const inOverlap = [...dead, passive(5), signs(6, { retireAfter: at(1) })];
    const due = [...dead, passive(5), signs(6, { retireAfter: at(-1) })];
    const all = [
      planRun(inOverlap, { ...runQuestion, rotation: 6, keepRetired: 0 }),
      planRun(due, { ...runQuestion, rotation: 6, keepRetired: 0, mode: "emergency" }),
    ];
    const other = planRun(due, { ...runQuestion, rotation: 6, keepRetired: 0 });
    assert.doesNotMatch(all.flatMap(({ actions }) => actions).join(), /delete/);
    assert.doesNotMatch(other.actions.join(), /name-old/);
  });

  test("a key that nobody has shown to be refused is not deleted: its mark would be lost with it", () => {
    const red = [disabled(2), closed(3), passive(5), signs(6, { retireAfter: at(-1) })];
    const { actions } = planRun(red, { ...runQuestion, rotation: 6, keepRetired: 0 });
    assert.match(actions.join(), new RegExp(`delete ${said(3).replace(/[()]/g, "\\$&")}`));
    assert.doesNotMatch(actions.join(), new RegExp(`delete ${said(2).replace(/[()]/g, "\\$&")}`));
  });

  test("the key of a rotation that was rolled back is never deleted, since no rotation may be made twice", () => {
    const rolledBack = [closed(2), signs(1, { priority: 300, retireAfter: at(-1) }), passive(3)];
    const { actions } = planRun(rolledBack, {
      ...runQuestion,
      rotation: 3,
      mode: "rollback",
      keepRetired: 0,
    });
    assert.deepEqual(actions, [
      isDue(said(3), at(-1)),
      `delete ${said(2)}: it is disabled, and keepRetired is 0`,
    ]);
  });
});
