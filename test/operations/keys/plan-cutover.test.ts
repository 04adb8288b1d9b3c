import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type CutoverGoal, type CutoverPlan, planCutover } from "#operations/keys/plan-cutover";
import { managedKeyName, type RealmKey, rotationOf } from "#operations/keys/realm-keys";
import { realmKey } from "../samples.ts";

const stages: [CutoverGoal["mode"], CutoverGoal["stage"]][] = [
  ["planned", "overlap"],
  ["planned", "final"],
  ["rollback", "overlap"],
  ["rollback", "final"],
];

const emergency = (componentIds: string[], exemptKeys: string[]): CutoverGoal => ({
  rotation: 9,
  componentIds,
  exemptKeys,
  mode: "emergency",
  stage: "final",
});

const fresh = realmKey("new", { status: "PASSIVE", priority: 0 });

interface Row {
  title: string;
  keys: RealmKey[];
  exempt?: string[];
  /** Kid and priority. */
  activate: [string, number][];
  disable: string[];
  exempted?: string[];
}

const rows: Row[] = [
  {
    title: "an unmanaged signer is overtaken and disabled",
    keys: [realmKey("old", { signing: true }), fresh],
    activate: [["new", 101]],
    disable: ["old"],
  },
  {
    title: "the priority is above the highest of all other keys, not only of the signer",
    keys: [
      realmKey("old", { signing: true }),
      realmKey("passive", { status: "PASSIVE", priority: 900 }),
      fresh,
    ],
    activate: [["new", 901]],
    disable: ["old", "passive"],
  },
  {
    title: "a disabled key with a high priority counts too, since someone may enable it again",
    keys: [realmKey("off", { status: "DISABLED", priority: 500 }), fresh],
    activate: [["new", 501]],
    disable: [],
  },
  {
    title: "an equal priority is not enough, because Keycloak would break the tie by component id",
    keys: [realmKey("old"), realmKey("new", { priority: 100 })],
    activate: [["new", 101]],
    disable: ["old"],
  },
  {
    title: "fallback keys at negative priorities are disabled",
    keys: [realmKey("fallback", { componentName: "fallback-RS256", priority: -100 }), fresh],
    activate: [["new", 1]],
    disable: ["fallback"],
  },
  {
    title: "an exempt key is left alone and still overtaken",
    keys: [realmKey("saml", { componentName: "saml-partner", priority: 300 }), fresh],
    exempt: ["saml-partner"],
    activate: [["new", 301]],
    disable: [],
    exempted: ["saml"],
  },
  {
    title: "an exempt key that is disabled is not reported as trusted",
    keys: [realmKey("saml", { componentName: "saml-partner", status: "DISABLED" }), fresh],
    exempt: ["saml-partner"],
    activate: [["new", 101]],
    disable: [],
  },
  {
    title: "what has been carried out already leaves nothing to do",
    keys: [realmKey("old", { status: "DISABLED" }), realmKey("new", { priority: 101, signing: true })],
    activate: [],
    disable: [],
  },
  {
    title: "a cut-over interrupted after the activation only disables",
    keys: [realmKey("old"), realmKey("new", { priority: 101, signing: true })],
    activate: [],
    disable: ["old"],
  },
  {
    title: "the new key that someone made passive is activated again",
    keys: [realmKey("new", { status: "PASSIVE", priority: 101 })],
    activate: [["new", 1]],
    disable: [],
  },
];

function shown({ activate, disable, exempt }: CutoverPlan) {
  return {
    activate: activate.map(({ key, priority }) => [key.kid, priority]),
    disable: disable.map(({ kid }) => kid),
    exempt: exempt.map(({ kid }) => kid),
  };
}

/** What Keycloak would hold after a plan was carried out. */
function carryOut(keys: readonly RealmKey[], { activate, passivate, disable }: CutoverPlan): RealmKey[] {
  return keys.map((key) => {
    const promoted = activate.find((one) => one.key.kid === key.kid);
    if (promoted) return adopted({ ...key, status: "ACTIVE", priority: promoted.priority });
    if (disable.some(({ kid }) => kid === key.kid)) return { ...key, status: "DISABLED" };
    return passivate.some(({ kid }) => kid === key.kid) ? { ...key, status: "PASSIVE" } : key;
  });
}

function adopted(key: RealmKey): RealmKey {
  return rotationOf(key.componentName) === undefined
    ? { ...key, componentName: managedKeyName(0, key.algorithm) }
    : key;
}

suite("planCutover", () => {
  for (const { title, keys, exempt = [], activate, disable, exempted = [] } of rows) {
    test(title, () => {
      const plan = planCutover(keys, emergency(["component-new"], exempt));
      assert.deepEqual(shown(plan), { activate, disable, exempt: exempted });
    });
    test(`${title}; carried out, it leaves nothing for the next plan`, () => {
      const after = carryOut(keys, planCutover(keys, emergency(["component-new"], exempt)));
      const again = planCutover(after, emergency(["component-new"], exempt));
      assert.deepEqual([again.activate, again.disable], [[], []]);
      const signer = after
        .filter(({ status }) => status === "ACTIVE")
        .toSorted((a, b) => b.priority - a.priority);
      assert.equal(signer[0]?.kid, "new");
    });
  }

  test("every new key of a rotation is activated, whatever its algorithm", () => {
    const ec = realmKey("ec", { algorithm: "ES256", status: "PASSIVE", priority: 0 });
    const plan = planCutover([realmKey("old"), fresh, ec], emergency(["component-new", "component-ec"], []));
    assert.deepEqual(shown(plan).activate, [
      ["new", 101],
      ["ec", 101],
    ]);
  });

  test("a new key that is not in the realm stops the plan before anything is disabled", () => {
    assert.throws(() => planCutover([realmKey("old")], emergency(["component-new"], [])), {
      code: "KEY_NOT_PUBLISHED",
    });
  });

  test("a new key that was disabled stops the plan and is not enabled again", () => {
    const keys = [realmKey("old"), realmKey("new", { status: "DISABLED" })];
    assert.throws(() => planCutover(keys, emergency(["component-new"], [])), { code: "KEY_NOT_PUBLISHED" });
  });

  test("one missing key of two stops the plan", () => {
    assert.throws(() => planCutover([fresh], emergency(["component-new", "component-ec"], [])), {
      code: "KEY_NOT_PUBLISHED",
    });
  });

  for (const priority of [Number.MAX_SAFE_INTEGER - 1, Number.MAX_SAFE_INTEGER, 2 ** 63]) {
    test(`a key at priority ${priority} leaves no room above it and is named`, () => {
      assert.throws(
        () => planCutover([realmKey("top", { priority }), fresh], emergency(["component-new"], [])),
        {
          code: "PRIORITY_EXHAUSTED",
          message: /name-top/,
        },
      );
    });
  }

  test("a plan without a new key does not disable the realm's last signer", () => {
    const plan = (() => {
      try {
        return planCutover([realmKey("old", { signing: true })], emergency([], []));
      } catch {
        return undefined;
      }
    })();
    assert.deepEqual(plan?.disable ?? [], []);
  });
});

interface OtherRow extends Pick<Row, "title" | "keys" | "exempt"> {
  mode: CutoverGoal["mode"];
  stage: CutoverGoal["stage"];
  activate?: [string, number][];
  passivate?: string[];
  disable?: string[];
}

const passiveOld = realmKey("old", { status: "PASSIVE" });
const signingNew = realmKey("new", { priority: 101, signing: true });

const otherRows: OtherRow[] = [
  {
    title: "planned: the signer is overtaken and stays trusted",
    mode: "planned",
    stage: "overlap",
    keys: [realmKey("old", { signing: true }), fresh],
    activate: [["new", 101]],
    passivate: ["old"],
  },
  {
    title: "planned: in the overlap a passive key is left alone",
    mode: "planned",
    stage: "overlap",
    keys: [passiveOld, signingNew],
  },
  {
    title: "planned: a fallback key is passive first, like any other",
    mode: "planned",
    stage: "final",
    keys: [realmKey("fallback", { componentName: "fallback-RS256", priority: -100 }), signingNew],
    passivate: ["fallback"],
  },
  {
    title: "planned: when the overlap is over the passive key is disabled, and the active one is not",
    mode: "planned",
    stage: "final",
    keys: [realmKey("foreign"), passiveOld, signingNew],
    passivate: ["foreign"],
    disable: ["old"],
  },
  {
    title:
      "planned: a key that was retired and enabled again is disabled at once, and the others keep their overlap",
    mode: "planned",
    stage: "overlap",
    keys: [
      realmKey("revived", { status: "PASSIVE", died: "proven 7" }),
      realmKey("killed", { killed: "proven 6" }),
      passiveOld,
      signingNew,
    ],
    disable: ["revived", "killed"],
  },
  {
    title: "rollback: a key that was retired and enabled again is disabled, never made the signer",
    mode: "rollback",
    stage: "overlap",
    keys: [realmKey("revived", { priority: 200, died: "open 7" }), passiveOld, signingNew],
    activate: [["old", 201]],
    passivate: ["new"],
    disable: ["revived"],
  },
  {
    title: "planned: an exempt key is neither",
    mode: "planned",
    stage: "final",
    exempt: ["name-old", "name-saml"],
    keys: [passiveOld, realmKey("saml", { priority: 50 }), signingNew],
  },
  {
    title: "rollback: the passive key overtakes the new one, which stays trusted",
    mode: "rollback",
    stage: "overlap",
    keys: [passiveOld, signingNew],
    activate: [["old", 102]],
    passivate: ["new"],
  },
  {
    title: "rollback: when its overlap is over the new key is disabled",
    mode: "rollback",
    stage: "final",
    keys: [
      realmKey("old", { componentName: managedKeyName(0, "RS256"), priority: 102, signing: true }),
      realmKey("new", { priority: 101, status: "PASSIVE" }),
    ],
    disable: ["new"],
  },
  {
    title: "rollback: an unmanaged key that signs already is taken over, and so activated once more",
    mode: "rollback",
    stage: "overlap",
    keys: [realmKey("old", { priority: 102, signing: true }), realmKey("new", { priority: 101 })],
    activate: [["old", 102]],
    passivate: ["new"],
  },
  {
    title: "rollback: a fallback key and an exempt one are no way back",
    mode: "rollback",
    stage: "overlap",
    exempt: ["name-saml"],
    keys: [
      realmKey("fallback", { componentName: "fallback-RS256", priority: -100, status: "PASSIVE" }),
      realmKey("saml", { priority: 900 }),
      passiveOld,
      signingNew,
    ],
    activate: [["old", 901]],
    passivate: ["new"],
  },
];

suite("planCutover, planned and rollback", () => {
  for (const { title, keys, exempt = [], mode, stage, ...expected } of otherRows) {
    const goal = { rotation: 9, componentIds: ["component-new"], exemptKeys: exempt, mode, stage };
    test(title, () => {
      const { activate, disable, passivate } = planCutover(keys, goal);
      assert.deepEqual(
        {
          activate: activate.map(({ key, priority }) => [key.kid, priority]),
          disable: disable.map(({ kid }) => kid),
          passivate: passivate.map(({ kid }) => kid),
        },
        { activate: [], disable: [], passivate: [], ...expected },
      );
    });
    test(`${title}; carried out, it activates and passivates nothing more`, () => {
      const after = carryOut(keys, planCutover(keys, goal));
      const again = planCutover(after, { ...goal, stage: "overlap" });
      assert.deepEqual([again.activate, again.passivate, again.disable], [[], [], []]);
    });
  }

  for (const [mode, stage] of stages) {
    test(`${mode}, ${stage}: a signer is never among those that it passivates or disables`, () => {
      for (const keys of [
        [realmKey("old", { signing: true }), fresh],
        [passiveOld, signingNew],
        [realmKey("old", { priority: 102, signing: true }), realmKey("new", { priority: 101 })],
        [realmKey("old", { priority: 102, signing: true }), realmKey("new", { status: "PASSIVE" })],
      ]) {
        const goal = { rotation: 9, componentIds: ["component-new"], exemptKeys: [], mode, stage };
        const { signers, passivate, disable } = planCutover(keys, goal);
        assert.equal(signers.length, 1);
        assert.deepEqual(
          [...passivate, ...disable].filter((key) => signers.includes(key)),
          [],
        );
      }
    });
  }

  test("rollback with nothing trusted from before is ROLLBACK_IMPOSSIBLE", () => {
    const keys = [realmKey("old", { status: "DISABLED" }), signingNew];
    const goal = {
      rotation: 9,
      componentIds: ["component-new"],
      exemptKeys: [],
      mode: "rollback",
      stage: "final",
    } as const;
    assert.throws(() => planCutover(keys, goal), { code: "ROLLBACK_IMPOSSIBLE" });
  });
});
