import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  catchUp,
  deadAndAlive,
  exitCodeOf,
  type KillOutcome,
  type RealmOutcome,
  renderOutcome,
  resultOf,
} from "../../scripts/kill/outcome.ts";
import { realmKey } from "../operations/samples.ts";

const proven: RealmOutcome = {
  realm: "shop",
  result: "proven",
  dead: ["old"],
  alive: [],
  newKids: ["new"],
  timeToDeadMs: 1_240,
  report: "evidence/INC-1/8/report.md",
  evidenceDigest: "ab12",
  error: null,
};

function outcome(...realms: RealmOutcome[]): KillOutcome {
  return {
    exitCode: exitCodeOf(realms, 0),
    stack: "prod",
    incident: "INC-1",
    rotation: 8,
    realms,
    refused: [],
    warnings: [],
    next: catchUp("prod", 8, "INC-1"),
  };
}

suite("the outcome of a kill", () => {
  test("what Keycloak does not tell is not dead", () => {
    const dying = [realmKey("a"), realmKey("b")];
    assert.deepEqual(deadAndAlive(dying, ["b", "new"]), { dead: ["a"], alive: ["b"] });
    assert.deepEqual(deadAndAlive(dying, undefined), { dead: [], alive: ["a", "b"] });
  });

  const results: [string, Parameters<typeof resultOf>[0], RealmOutcome["result"]][] = [
    ["dead and proven", { dead: ["a"], alive: [], error: null, isCutOver: true }, "proven"],
    [
      "dead and an instance unproven",
      { dead: ["a"], alive: [], error: "api-3", isCutOver: true },
      "not-proven",
    ],
    ["one of two is alive", { dead: ["a"], alive: ["b"], error: "x", isCutOver: false }, "alive"],
    ["failed where no key was known", { dead: [], alive: [], error: "x", isCutOver: false }, "alive"],
    ["done before, and proven", { dead: [], alive: [], error: null, isCutOver: true }, "nothing-left"],
    [
      "done before, and nothing shows a proof",
      { dead: [], alive: [], error: "x", isCutOver: true },
      "nothing-known",
    ],
  ];
  for (const [title, given, result] of results) {
    test(`${title}: ${result}`, () => assert.equal(resultOf(given), result));
  }

  test("0 only where every realm is green and none was refused", () => {
    assert.equal(exitCodeOf([proven], 0), 0);
    assert.equal(exitCodeOf([proven, { result: "nothing-left" }], 0), 0);
    assert.equal(exitCodeOf([proven, { result: "not-proven" }], 0), 1);
    assert.equal(exitCodeOf([{ result: "alive" }], 0), 1);
    assert.equal(exitCodeOf([proven], 1), 1);
  });

  test("green: the state of the keys, how fast, and what Pulumi needs", () => {
    assert.equal(
      renderOutcome(outcome(proven)),
      `
GREEN  realm shop: the old keys are dead, and every instance was proven to reject them
  disabled: old 1.2 s after the confirmation
  new: new
  report: evidence/INC-1/8/report.md

As soon as Pulumi's backend is back, have Pulumi catch up; that \`up\` finds what was done here, and changes no key:
    pulumi config set rotation 8 --stack prod
    pulumi config set mode emergency --stack prod
    pulumi config set incident INC-1 --stack prod
    pulumi up --stack prod`,
    );
  });

  test("red with the keys dead: repeat it, before the up", () => {
    const text = renderOutcome(
      outcome({ ...proven, result: "not-proven", error: "VERIFICATION_FAILED: api-3" }),
    );
    assert.match(
      text,
      /^\nRealm shop: VERIFICATION_FAILED: api-3\n\nRED {4}realm shop: THE OLD KEYS ARE DEAD; not everything is proven\n/,
    );
    assert.match(text, /Run the same command again[\s\S]*before the `up`[\s\S]*pulumi up/);
  });

  test("red with a key alive: no word of Pulumi, which must not look done", () => {
    const alive = {
      ...proven,
      result: "alive" as const,
      dead: [],
      alive: ["old"],
      error: "KEYCLOAK_UNREACHABLE",
    };
    const text = renderOutcome(outcome(proven, alive));
    assert.match(text, /THE OLD KEYS ARE NOT ALL DEAD\n {2}still trusted, or not known to be dead: old\n/);
    assert.doesNotMatch(text, /pulumi/);
  });
});
