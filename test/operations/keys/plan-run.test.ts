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
const foreign = "kid old (RS256, name-old)";
const losesItsPlace = (key: string, left = "6 min") =>
  `${key} no longer signs; its tokens are accepted for another ${left}, then the next up retires it`;
const atOnce = (key: string) => `disable ${key} at once: its tokens are refused from then on`;
const isDue = (key: string, end: string) =>
  `retire ${key}: its overlap ended at ${end}; its tokens are refused from then on`;

const planned: Row[] = [
  {
    title: "adoption takes the realm's unmanaged signer through an overlap",
    keys: [realmKey("old", { signing: true })],
    stage: "overlap",
    actions: [publishIt, losesItsPlace(foreign)],
  },
  {
    title: "a rotation takes the one before through an overlap",
    keys: [disabled(0), signs(1)],
    stage: "overlap",
    actions: [publishIt, losesItsPlace(said(1))],
  },
  {
    title: "a key that a crashed run has published is not published twice",
    keys: [signs(1), passive(2, { priority: 0 })],
    stage: "overlap",
    actions: [`${said(2)} becomes the signer`, losesItsPlace(said(1))],
  },
  {
    title: "a crash between the activation and the passivation leaves the other half to do, for what is left",
    keys: [managed(1), signs(2, { retireAfter: at(250) })],
    stage: "overlap",
    actions: [losesItsPlace(said(1), "4 min 10 s")],
  },
  {
    title: "after such a crash the old key has a whole overlap, however late the next run comes",
    keys: [managed(1), signs(2, { retireAfter: at(-1) })],
    stage: "overlap",
    actions: [losesItsPlace(said(1))],
  },
  {
    title: "in the overlap nothing is done",
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
    title: "an unmanaged key is retired, too",
    keys: [realmKey("old", { status: "PASSIVE" }), signs(2, { retireAfter: at(-9) })],
    stage: "final",
    actions: [isDue(foreign, at(-9))],
  },
  {
    title: "after the retirement nothing is done",
    keys: [disabled(1), signs(2, { retireAfter: at(-600) })],
    stage: "final",
  },
  {
    title: "where the algorithms' overlaps end at different times, the last one counts",
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
    title: "an algorithm that is new in the rotation is published, and the other is left alone",
    algorithms: ["RS256", "ES256"],
    keys: [disabled(1), signs(2, { retireAfter: at(-600) })],
    stage: "overlap",
    actions: ["publish a new ES256 key for rotation 2, and make it the signer"],
  },
  {
    title: "a foreign key that signs in the final stage gets an overlap of its own",
    keys: [realmKey("old", { priority: 900, signing: true }), managed(2, { retireAfter: at(-600) })],
    stage: "overlap",
    actions: [`${said(2)} becomes the signer`, losesItsPlace(foreign)],
  },
  {
    title: "a foreign key that is active below the signer gets one as well",
    keys: [realmKey("old"), signs(2, { retireAfter: at(-600) })],
    stage: "overlap",
    actions: [losesItsPlace(foreign)],
  },
  {
    title: "a fallback key is a foreign key",
    keys: [realmKey("old", { componentName: "fallback-RS256", priority: -100 }), signs(2)],
    stage: "overlap",
    actions: [losesItsPlace("kid old (RS256, fallback-RS256)")],
  },
  {
    title: "a foreign passive key whose end nobody knows is not due, and gets one",
    keys: [realmKey("old", { status: "PASSIVE" }), signs(2)],
    stage: "overlap",
    actions: [
      "kid old (RS256, name-old) no longer signs; its tokens are accepted for another 6 min, then the next up retires it",
    ],
  },
  {
    title: "exempt keys are never named and never waited for",
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
    actions: [`${said(2)} becomes the signer`, losesItsPlace(said(1))],
  },
  {
    title: "a rotation that was rolled back and retired is over, and the next one is named",
    keys: [signs(1, { priority: 300, retireAfter: at(-60) }), disabled(2)],
    stage: "overlap",
    problems: [
      `rotation: 2 is over, ${said(2)} is disabled and a disabled key is never enabled again; set 3`,
    ],
  },
];

const waits: Row[] = [
  {
    title: "a rotation that is bumped in mid-overlap is told to wait, and for how long",
    rotation: 3,
    keys: [passive(1), signs(2, { retireAfter: at(250) })],
    stage: "overlap",
    problems: [
      `rotation: 3 must wait, the overlap of rotation 2 ends at ${at(250)} (4 min 10 s left) and ${said(1)} is trusted until then; set 2 until it is over, or mode emergency to end it at once`,
    ],
  },
  {
    title: "one that is bumped when the overlap is over and nothing was retired is let through",
    rotation: 3,
    keys: [passive(1), signs(2, { retireAfter: at(-1) })],
    stage: "overlap",
    problems: [],
  },
  {
    title: "one that is bumped after the retirement is let through",
    rotation: 3,
    keys: [disabled(1), signs(2, { retireAfter: at(-1) })],
    stage: "overlap",
    problems: [],
  },
  {
    title: "one that is bumped in the overlap of a rollback is told how to let that end",
    rotation: 3,
    keys: [signs(1, { priority: 300, retireAfter: at(250) }), passive(2)],
    stage: "overlap",
    problems: [
      `rotation: 3 must wait, the overlap of rotation 2 ends at ${at(250)} (4 min 10 s left) and ${said(2)} is trusted until then; set 2 with mode rollback until it is over, or mode emergency to end it at once`,
    ],
  },
  {
    title: "the passive keys that it waits for are all named",
    rotation: 3,
    keys: [passive(1), realmKey("old", { status: "PASSIVE" }), signs(2, { retireAfter: at(60) })],
    stage: "overlap",
    problems: [
      `rotation: 3 must wait, the overlap of rotation 2 ends at ${at(60)} (1 min left) and ${said(1)}, ${foreign} are trusted until then; set 2 until it is over, or mode emergency to end it at once`,
    ],
  },
  {
    title: "exempt keys are not waited for",
    rotation: 3,
    exemptKeys: ["name-old"],
    keys: [disabled(1), realmKey("old", { status: "PASSIVE" }), signs(2, { retireAfter: at(60) })],
    stage: "overlap",
    problems: [],
  },
];

const emergencies: Row[] = [
  {
    title: "every other trusted key dies at once, unmanaged and fallback ones too",
    keys: [
      realmKey("old", { status: "PASSIVE" }),
      realmKey("fallback", { componentName: "fallback-RS256", priority: -100 }),
      disabled(0),
      signs(1),
    ],
    stage: "final",
    actions: [publishIt, atOnce(foreign), atOnce("kid fallback (RS256, fallback-RS256)"), atOnce(said(1))],
  },
  {
    title: "the same rotation in mid-overlap names what dies",
    keys: [passive(1), signs(2, { retireAfter: at(60) })],
    stage: "final",
    actions: [atOnce(said(1))],
  },
  {
    title: "a rotation that is bumped in mid-overlap is let through, and ends it",
    rotation: 3,
    keys: [passive(1), signs(2, { retireAfter: at(60) })],
    stage: "final",
    actions: [
      "publish a new RS256 key for rotation 3, and make it the signer",
      atOnce(said(1)),
      atOnce(said(2)),
    ],
  },
  { title: "one that was carried out has nothing to do", keys: [disabled(1), signs(2)], stage: "final" },
  {
    title: "one that was interrupted only disables",
    keys: [managed(1), signs(2)],
    stage: "final",
    actions: [atOnce(said(1))],
  },
  {
    title: "exempt keys are not named",
    exemptKeys: ["name-old"],
    keys: [realmKey("old"), signs(2)],
    stage: "final",
  },
  {
    title: "a rotation that was rolled back and retired can't be the one that is turned to",
    keys: [signs(1), disabled(2)],
    stage: "final",
    problems: [
      `rotation: 2 is over, ${said(2)} is disabled and a disabled key is never enabled again; set 3`,
    ],
  },
  {
    title: "keys that are disabled in the rotation are all named",
    algorithms: ["RS256", "ES256"],
    keys: [signs(1), disabled(2), disabled(2, { algorithm: "ES256" })],
    stage: "final",
    problems: [
      `rotation: 2 is over, ${said(2)}, ${said(2, "ES256")} are disabled and a disabled key is never enabled again; set 3`,
    ],
  },
];

const rollbacks: Row[] = [
  {
    title: "the passive key signs again, and the new one gets the overlap",
    keys: [passive(1), signs(2, { retireAfter: at(60) })],
    stage: "overlap",
    actions: [`${said(1)} signs again`, losesItsPlace(said(2))],
  },
  {
    title: "an unmanaged key can sign again, too",
    rotation: 1,
    keys: [realmKey("old", { status: "PASSIVE" }), signs(1, { retireAfter: at(60) })],
    stage: "overlap",
    actions: [`${foreign} signs again`, losesItsPlace(said(1))],
  },
  {
    title: "the key of the rotation before is taken, whatever the priority of a foreign one",
    keys: [realmKey("old", { status: "PASSIVE", priority: 900 }), passive(1), signs(2, { priority: 901 })],
    stage: "overlap",
    actions: [`${said(1)} signs again`, losesItsPlace(said(2))],
  },
  {
    title: "nor is a foreign key taken that signs because someone has put it above ours",
    keys: [realmKey("old", { signing: true, priority: 900 }), passive(1), managed(2)],
    stage: "overlap",
    actions: [`${said(1)} signs again`, losesItsPlace(foreign), losesItsPlace(said(2))],
  },
  {
    title: "a key of a rotation that never got to its cut-over has not signed, and is not rolled back to",
    rotation: 3,
    keys: [realmKey("old", { status: "PASSIVE" }), passive(2, { priority: 0 }), signs(3)],
    stage: "overlap",
    actions: [`${foreign} signs again`, losesItsPlace(said(3))],
  },
  {
    title: "an unmanaged key that still signs becomes ours",
    rotation: 1,
    keys: [realmKey("old", { signing: true }), passive(1, { priority: 0 })],
    stage: "overlap",
    actions: [`${foreign} keeps signing, and is renamed to jwks-break-glass-r0-RS256`],
  },
  {
    title: "neither a fallback key nor an exempt one is rolled back to",
    exemptKeys: ["saml"],
    keys: [
      realmKey("old", { componentName: "fallback-RS256", priority: -100, status: "PASSIVE" }),
      realmKey("saml", { componentName: "saml", priority: 900 }),
      passive(1),
      signs(2, { priority: 901 }),
    ],
    stage: "overlap",
    actions: [`${said(1)} signs again`, losesItsPlace(said(2))],
  },
  {
    title: "a rollback that was interrupted goes on with the key that it has made the signer",
    keys: [signs(1, { priority: 300, retireAfter: at(60) }), managed(2)],
    stage: "overlap",
    actions: [losesItsPlace(said(2), "1 min")],
  },
  {
    title: "in its overlap nothing is done",
    keys: [signs(1, { priority: 300, retireAfter: at(1) }), passive(2)],
    stage: "overlap",
  },
  {
    title: "at the end of its overlap the key that was taken back is retired",
    keys: [signs(1, { priority: 300, retireAfter: at(0) }), passive(2, { retireAfter: at(-600) })],
    stage: "final",
    actions: [isDue(said(2), at(0))],
  },
  {
    title: "after that nothing is done",
    keys: [signs(1, { priority: 300, retireAfter: at(-60) }), disabled(2)],
    stage: "final",
  },
  {
    title: "an algorithm that the rotation has brought goes on with its new key",
    algorithms: ["RS256", "ES256"],
    keys: [passive(1), signs(2), signs(2, { algorithm: "ES256" })],
    stage: "overlap",
    actions: [`${said(1)} signs again`, losesItsPlace(said(2))],
  },
  {
    title: "such a key keeps nobody from retiring the other",
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
    title: "after the retirement it is refused, says which key goes on and what to do instead",
    keys: [disabled(1), signs(2)],
    stage: "overlap",
    problems: [
      `mode: rollback is not possible, no signing key from before rotation 2 is trusted any more and a disabled key is never enabled again; ${said(2)} goes on signing; set mode to planned and rotation to 3 for a new key`,
    ],
  },
  {
    title: "in a realm that has had no rotation there is nothing to take back",
    keys: [realmKey("old", { signing: true })],
    stage: "overlap",
    problems: [
      "mode: rollback has nothing to take back, the realm has had no rotation; set planned or emergency",
    ],
  },
  {
    title: "it does not bump the rotation, and says which one it would take back",
    rotation: 3,
    keys: [passive(1), signs(2)],
    stage: "overlap",
    problems: ["rotation: rollback takes back rotation 2, and makes no new key; set 2"],
  },
];

/** Rows say of the plan what they are about: no actions where they don't say any, but of a refused run only why. */
function check({ title, keys, stage, actions, problems, ...change }: Row, mode: RunQuestion["mode"]): void {
  test(title, () => {
    const plan = planRun(keys, { ...runQuestion, mode, ...change });
    assert.deepEqual(plan.problems, problems ?? []);
    assert.equal(plan.stage, stage);
    if (problems === undefined) assert.deepEqual(plan.actions, actions ?? []);
  });
}

suite("planRun, planned", () => {
  for (const row of planned) check(row, "planned");
});
suite("planRun, another rotation in mid-overlap", () => {
  for (const row of waits) check(row, "planned");
});
suite("planRun, emergency", () => {
  for (const row of emergencies) check(row, "emergency");
});
suite("planRun, rollback", () => {
  for (const row of rollbacks) check(row, "rollback");
});

suite("planRun, keepRetired", () => {
  const keys = [disabled(2), disabled(3), disabled(4), passive(5), signs(6, { retireAfter: at(-1) })];
  const rows: [number, number[]][] = [
    [0, [2, 3, 4]],
    [1, [2, 3, 4]],
    [2, [2, 3]],
    [3, [2]],
    [4, []],
  ];
  for (const [keepRetired, deleted] of rows) {
    test(`${keepRetired} deletes ${deleted.length} of four, and never the one that is just being retired`, () => {
      const { actions } = planRun(keys, { ...runQuestion, rotation: 6, keepRetired });
      const deletions = deleted.map(
        (rotation) => `delete ${said(rotation)}: it is disabled, and keepRetired is ${keepRetired}`,
      );
      assert.deepEqual(actions, [isDue(said(5), at(-1)), ...deletions]);
    });
  }

  test("nothing is deleted in an overlap, in an emergency, or of what is not ours", () => {
    const dead = [disabled(2), disabled(3), realmKey("old", { status: "DISABLED" })];
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

  test("a rolled-back rotation's key is never deleted, since its rotation must never be made twice", () => {
    const rolledBack = [disabled(2), signs(1, { priority: 300, retireAfter: at(-1) }), passive(3)];
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
