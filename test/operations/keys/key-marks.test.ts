import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { formatMarks, type KeyMarks, markOf, parseMarks } from "#operations/keys/key-marks";
import { describeForeign, foreignKeys, isOwn, type KeyOrder, marksOf } from "#operations/keys/own-key";
import { managedKeyName, type RealmKey } from "#operations/keys/realm-keys";
import { realmKey } from "../samples.ts";

const at = "2026-01-01T10:00:00.000Z";

suite("marks on a key component", () => {
  const rows: [string, KeyMarks][] = [
    ["", {}],
    [`retire-others-after ${at}`, { retireAfter: at }],
    ["for INC-1; by prod", { incident: "INC-1", stack: "prod" }],
    [
      `retire-others-after ${at}; for INC-1; by prod; borrowed-at ${at}`,
      { retireAfter: at, incident: "INC-1", stack: "prod", borrowed: at },
    ],
  ];
  for (const [text, marks] of rows) {
    test(`${text || "none"} is read as it was written`, () => {
      assert.equal(formatMarks(marks), text);
      assert.deepEqual(parseMarks(text), marks);
    });
  }

  test("what somebody else has written there is no mark", () => {
    for (const text of [undefined, "gold", "retire-others-after soon", "for", "; ;"])
      assert.deepEqual(parseMarks(text), {});
  });

  test("null takes a mark away", () => {
    assert.equal(formatMarks({ incident: "INC-1", borrowed: null }), "for INC-1");
  });

  test("names that are too long stand there as a digest: all marks together fit into Keycloak's 255 characters", () => {
    const [incident, stack] = [markOf("I".repeat(500)), markOf("a; b")];
    assert.match(`${incident} ${stack}`, /^sha256:[0-9a-f]{32} sha256:[0-9a-f]{32}$/);
    assert.equal(markOf("I".repeat(500)), incident, "the same name has the same mark");
    const [longIncident = "", longStack = ""] = [markOf("I".repeat(40)), markOf("s".repeat(40))];
    const all = { retireAfter: at, incident: longIncident, stack: longStack, borrowed: at };
    assert.ok(formatMarks(all).length <= 255);
    assert.equal(markOf(""), undefined);
  });
});

const inUse = (marks: KeyMarks, change: Partial<RealmKey> = {}) =>
  realmKey("r8", { componentName: managedKeyName(8, "RS256"), signing: true, ...marks, ...change });
const emergency: KeyOrder = { rotation: 8, mode: "emergency", incident: "INC-1", stack: "prod" };
const planned: KeyOrder = { rotation: 8, mode: "planned", stack: "prod" };

suite("a key that is there under the name of the new one", () => {
  const rows: [string, RealmKey, KeyOrder, boolean][] = [
    ["made for this incident, by a run that was killed", inUse(marksOf(emergency)), emergency, true],
    ["made for this incident by another stack", inUse({ incident: "INC-1", stack: "dr" }), emergency, true],
    ["made for another incident", inUse({ incident: "INC-0", stack: "prod" }), emergency, false],
    ["made by a planned rotation, and now there is an emergency", inUse({ stack: "prod" }), emergency, false],
    ["published by it, and never in use", inUse({}, { status: "PASSIVE" }), emergency, false],
    ["this stack's own, in planned mode", inUse(marksOf(planned)), planned, true],
    ["from before there were marks, in planned mode", inUse({}), planned, true],
    ["another stack's, in planned mode", inUse({ stack: "dr" }), planned, false],
    [
      "another stack's, published and not in use",
      inUse({ stack: "dr" }, { status: "PASSIVE" }),
      planned,
      true,
    ],
    ["another stack's, to be rolled back", inUse({ stack: "dr" }), { ...planned, mode: "rollback" }, true],
  ];
  for (const [title, key, order, own] of rows) {
    test(`${title}: it is ${own ? "used" : "not used"}`, () => {
      assert.equal(isOwn(key, order), own);
      assert.deepEqual(foreignKeys([key], order), own ? [] : [key]);
    });
  }

  test("disabled keys and those of other rotations are none of its business", () => {
    const others = [
      inUse({}, { status: "DISABLED" }),
      inUse({}, { componentName: managedKeyName(7, "RS256") }),
    ];
    assert.deepEqual(foreignKeys(others, emergency), []);
  });

  test("the message says who made it and for what", () => {
    assert.equal(
      describeForeign(inUse({ incident: "INC-0", stack: "dr" }), emergency),
      "kid r8 (RS256, jwks-break-glass-r8-RS256) is in the realm already, made by stack dr for INC-0 and not by stack prod for INC-1, so it may be the stolen one",
    );
    assert.equal(
      describeForeign(inUse({}), planned),
      "kid r8 (RS256, jwks-break-glass-r8-RS256) is in the realm already, made by somebody else and not by stack prod",
    );
  });
});
