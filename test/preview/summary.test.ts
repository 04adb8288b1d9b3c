import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { noEmergencyActions } from "#operations/config/inspect-emergency";
import type { InspectedRealm, StackInspection } from "#operations/config/inspect-stack";
import { settingsShape } from "#operations/config/settings-shape";
import { planRun } from "#operations/keys/plan-run";
import type { RealmKey } from "#operations/keys/realm-keys";
import type { RunQuestion } from "#operations/keys/run-view";
import type { PreviewFacts } from "../../scripts/preview/preview-facts.ts";
import { renderText } from "../../scripts/preview/render-text.ts";
import { summarize } from "../../scripts/preview/summary.ts";
import { realmKey, runQuestion } from "../operations/samples.ts";

const { now } = runQuestion;

function key(name: string, change: Partial<RealmKey> = {}): RealmKey {
  return realmKey(`kid-of-${name}`, { componentName: name, ...change });
}

const managed = (rotation: number, change: Partial<RealmKey> = {}) =>
  key(`jwks-break-glass-r${rotation}-RS256`, change);

/** What is found of a realm with these keys, by the program's own plan. */
function realm(name: string, keys: RealmKey[], question: Partial<RunQuestion>): InspectedRealm {
  const { problems, ...plan } = planRun(keys, { ...runQuestion, ...question });
  const emergency = noEmergencyActions;
  const rest = {
    overlapSeconds: 360,
    tokenLifeSeconds: 360,
    highestRotation: 1,
    warnings: [],
    costs: [],
    doneByKill: [],
    openKids: [],
    trustedKids: [],
    emergency,
  };
  return { name, entry: { name }, problems, missingRights: [], plan: { ...plan, ...rest } };
}

function facts(
  realms: InspectedRealm[],
  given: Record<string, unknown>,
  change: Partial<PreviewFacts> = {},
): PreviewFacts {
  const config = settingsShape.parse({
    rotation: "2",
    mode: "planned",
    realm: "shop",
    targets: ["https://api-1"],
    ...given,
  });
  const inspection: StackInspection = { config, realms, problems: [], warnings: [] };
  const targets = [{ name: "static", kind: "static" as const, instances: 1, unreachable: [] }];
  const engine = { ok: true, changes: { update: 5, same: 8 }, errors: [] };
  const rest = { given: {}, due: {}, verified: true, now };
  return { stack: "prod", inspection, engine, targets, ...rest, ...change };
}

const textOf = (given: PreviewFacts) => renderText(summarize(given));

suite("summarize", () => {
  test("a planned rotation of a realm that the stack has adopted", () => {
    const text = textOf(facts([realm("shop", [managed(1, { signing: true })], {})], {}));
    assert.match(text, /^Stack prod: planned rotation 1 → 2\n/);
    assert.match(
      text,
      /- publish a new RS256 key for rotation 2, and make it the signer\n {2}- kid kid-of-jwks-break-glass-r1-RS256 .* no longer signs; its tokens are accepted for another 6 min/,
    );
    assert.doesNotMatch(text, /unmanaged/);
  });

  test("a rollback says which key signs again, and that users notice nothing", () => {
    const keys = [
      managed(1, { status: "PASSIVE" }),
      managed(2, { signing: true, retireAfter: "2026-01-01T10:05:00.000Z" }),
    ];
    const text = textOf(facts([realm("shop", keys, { mode: "rollback" })], { mode: "rollback" }));
    assert.match(text, /^Stack prod: rollback of rotation 2\n/);
    assert.match(text, /kid-of-jwks-break-glass-r1-RS256 .* signs again/);
    assert.match(text, /Nothing: nobody is logged out/);
  });

  test("an emergency lists its other actions in their order, before and after the keys", () => {
    const emergency = realm("shop", [managed(1, { signing: true })], { mode: "emergency" });
    const { plan } = emergency;
    assert.ok(plan);
    const actions = {
      ...noEmergencyActions,
      freeze: ["freeze administrators"],
      sessions: ["end every session"],
    };
    const given = { mode: "emergency", incident: "INC-2", freeze: "both", sessions: { revoke: "all" } };
    const text = textOf(facts([{ ...emergency, plan: { ...plan, emergency: actions } }], given));
    const order = ["freeze administrators", "publish a new", "disable kid", "end every session"];
    const places = order.map((words) => text.indexOf(words));
    assert.deepEqual(
      places,
      places.toSorted((a, b) => a - b),
    );
    assert.ok(places.every((place) => place > 0));
    assert.match(text, /Everyone is logged out[\s\S]*Administrators can't change anything/);
  });

  test("other actions of an emergency are listed while they are due, and not once they are done", () => {
    const done = realm("shop", [managed(2, { signing: true })], { mode: "emergency" });
    const { plan } = done;
    assert.ok(plan);
    const actions = {
      ...noEmergencyActions,
      freeze: ["freeze administrators"],
      sessions: ["end every session"],
    };
    const given = { mode: "emergency", incident: "INC-2", freeze: "both", sessions: { revoke: "all" } };
    const seen = {
      ...done,
      plan: { ...plan, emergency: { ...actions, problems: ["USER_NOT_FOUND: nobody"] } },
    };
    assert.match(textOf(facts([seen], given)), /- no key changes[\s\S]*- Nothing\.$/m);
    const due = { shop: { freeze: false, sessions: true, internalKeys: false } };
    const refused = summarize(facts([seen], given, { due }));
    assert.deepEqual([refused.outcome, refused.problems], ["refused", ["USER_NOT_FOUND: nobody"]]);
    const sound = { ...done, plan: { ...plan, emergency: actions } };
    const text = textOf(facts([sound], given, { due }));
    assert.match(text, /^Stack prod: no key changes\n/);
    assert.match(text, /- end every session\n[\s\S]*- Everyone is logged out and has to log in again\.$/m);
    assert.doesNotMatch(text, /freeze administrators|can't change anything/);
  });

  test("each of several realms is listed, and one that is refused does not stop the others", () => {
    const good = realm("shop", [managed(1, { signing: true })], {});
    const bad = {
      ...realm("bank", [], {}),
      problems: ["algorithms: the realm asks for ES256, which is not listed"],
    };
    const summary = summarize(facts([good, bad], { realm: ["shop", "bank"] }));
    assert.deepEqual([summary.outcome, summary.problems], ["change", []]);
    const text = renderText(summary);
    assert.match(text, /^Stack prod: planned rotation 1 → 2, except in bank\n/);
    assert.match(text, /Realm shop:\n {2}- publish a new RS256 key/);
    assert.match(
      text,
      /Realm bank:\n {2}- REFUSED \(the other realms are rotated\): algorithms: the realm asks for ES256/,
    );
    const none = summarize(facts([{ ...bad, name: "shop" }, bad], { realm: ["shop", "bank"] }));
    assert.equal(none.outcome, "refused");
    assert.deepEqual(none.problems, [
      "realm shop: algorithms: the realm asks for ES256, which is not listed",
      "realm bank: algorithms: the realm asks for ES256, which is not listed",
    ]);
  });

  test("problems that only the engine finds are shown, and so are a red last run and an empty target", () => {
    const failed = { ok: false, changes: {}, errors: ["error: no passphrase"] };
    const shop = [realm("shop", [managed(2, { signing: true })], {})];
    assert.deepEqual(summarize(facts(shop, {}, { engine: failed })).problems, ["error: no passphrase"]);
    const targets = [{ name: "pods", kind: "kubernetes" as const, instances: 0, unreachable: [] }];
    const { warnings, outcome } = summarize(
      facts(shop, {}, { verified: false, targets, engine: { ok: true, changes: { same: 9 }, errors: [] } }),
    );
    assert.equal(outcome, "nothing");
    assert.deepEqual(warnings, ["the last run is not verified; it stays red until an update proves it"]);
    const rotating = [realm("shop", [managed(1, { signing: true })], {})];
    const refused = summarize(facts(rotating, {}, { targets }));
    assert.deepEqual(
      [refused.outcome, refused.problems],
      ["refused", ["NO_INSTANCES: target pods has no instance; scale it up, or remove it from targets"]],
    );
  });

  test("a leftover freeze: release is a warning in the next emergency", () => {
    const shop = [realm("shop", [managed(1, { signing: true })], { mode: "emergency" })];
    const given = { mode: "emergency", incident: "INC-2", freeze: "release" };
    assert.match(
      textOf(facts(shop, given)),
      /- freeze is still set to release .* nothing is frozen in this one/,
    );
  });
});
