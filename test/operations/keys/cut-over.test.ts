import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import { RotationError } from "#operations/base/errors";
import type { Mode } from "#operations/base/run-context";
import { cutOver } from "#operations/keys/cut-over";
import { overlapEnd } from "#operations/keys/overlap";
import { planRun } from "#operations/keys/plan-run";
import { highestRotation } from "#operations/keys/publish-key";
import {
  isTrusted,
  listKeyComponents,
  listSigningKeys,
  managedKeyName,
  type RealmKey,
  rotationOf,
  updateKeyComponent,
} from "#operations/keys/realm-keys";
import type { RunQuestion } from "#operations/keys/run-view";
import { InMemoryRealm, Killed, randomNumbers } from "../in-memory-realm.ts";

const overlapMs = 360_000;
const quiet = () => undefined;

/** A realm, its clock, and what must hold of it at every moment. */
class World {
  readonly realm = new InMemoryRealm();
  /** Everything that was done, for whoever reads a failure. */
  readonly history: string[] = [];
  /** Algorithms that one of our keys has signed. */
  readonly #ours = new Set<string>();
  readonly #lastSigned = new Map<string, number>();
  #before: RealmKey[] = [];
  #mode: Mode = "planned";

  /** A change took place, or time has passed: who signs now may have signed until now. */
  readonly look = (): void => {
    const keys = this.realm.snapshot();
    for (const key of this.#before) if (key.signing) this.#lastSigned.set(key.kid, Date.now());
    for (const key of keys) {
      if (key.signing && rotationOf(key.componentName) !== undefined) this.#ours.add(key.algorithm);
    }
    this.#checkSigners(keys);
    this.#checkDeaths(keys);
    this.#before = keys;
  };

  #checkSigners(keys: readonly RealmKey[]): void {
    for (const algorithm of this.#ours) {
      const active = keys.filter((key) => key.algorithm === algorithm && key.status === "ACTIVE");
      const isOurs = ({ componentName }: RealmKey) => rotationOf(componentName) !== undefined;
      assert.ok(active.some(isOurs), `no active key of ours for ${algorithm}`);
    }
  }

  /** Only an emergency logs anybody out. */
  #checkDeaths(keys: readonly RealmKey[]): void {
    if (this.#mode === "emergency") return;
    const died = this.#before.filter(
      (one) => isTrusted(one) && !keys.some(({ kid, status }) => kid === one.kid && status !== "DISABLED"),
    );
    for (const { kid } of died) {
      const signed = this.#lastSigned.get(kid) ?? Number.NEGATIVE_INFINITY;
      assert.ok(Date.now() - signed >= overlapMs, `${kid} died ${Date.now() - signed} ms after it signed`);
    }
  }

  /** One `up`, killed after so many changes; a refused one changes nothing. */
  async up(question: RunQuestion, writes: number): Promise<RunQuestion | undefined> {
    this.#mode = question.mode;
    this.realm.killAfter(Number.POSITIVE_INFINITY);
    const keys = await listSigningKeys(this.realm);
    const { stage, problems } = planRun(keys, { ...question, now: new Date().toISOString() });
    this.history.push(`${question.mode} ${question.rotation} (${stage}), ${writes} changes: ${problems}`);
    if (problems.length > 0) return undefined;
    await this.#publish(question);
    const fresh = (await listSigningKeys(this.realm)).filter(
      ({ componentName, algorithm }) =>
        rotationOf(componentName) === question.rotation && question.algorithms.includes(algorithm),
    );
    this.realm.killAfter(writes);
    const canary = { canaries: [], keysBefore: keys, keysBeforeAt: new Date().toISOString() };
    const goal = { ...question, stage, componentIds: fresh.map(({ componentId }) => componentId) };
    await assert.rejects(cutOver(this.realm, { ...goal, overlapMs, jwksUris: [], canary }, quiet), Killed);
    return question;
  }

  async #publish({ rotation, algorithms, mode }: RunQuestion): Promise<void> {
    if (mode === "rollback") return;
    const names = new Set((await listKeyComponents(this.realm)).map(({ name }) => name));
    for (const algorithm of algorithms) {
      const name = managedKeyName(rotation, algorithm);
      if (!names.has(name)) this.realm.add({ name, algorithm, priority: 0, active: false });
      this.look();
    }
  }

  /** What a run that was not killed leaves: our signers strictly highest, and in an emergency nothing else. */
  async checkSettled({ mode, algorithms }: RunQuestion): Promise<void> {
    const keys = await listSigningKeys(this.realm);
    for (const algorithm of algorithms) {
      const signer = keys.find((key) => key.algorithm === algorithm && key.signing);
      assert.ok(signer && rotationOf(signer.componentName) !== undefined, `ours signs ${algorithm}`);
      const rivals = keys.filter((key) => key.kid !== signer.kid && key.algorithm === algorithm);
      assert.ok(
        rivals.every(({ priority }) => priority < signer.priority),
        `${signer.kid} is strictly highest`,
      );
    }
    const trusted = keys.filter(isTrusted);
    assert.equal(keys.filter(({ status }) => status === "ACTIVE").length, algorithms.length);
    if (mode === "emergency") assert.equal(trusted.length, algorithms.length);
  }
}

/** A world whose changes are looked at one by one. */
function worldOf(t: TestContext): World {
  t.mock.timers.enable({ apis: ["Date"], now: Date.UTC(2026, 0, 1) });
  const world = new World();
  world.realm.add({ name: "rsa-generated", algorithm: "RS256", priority: 100, active: true });
  return world;
}

type Random = (below: number) => number;

const modes: Mode[] = ["planned", "planned", "planned", "emergency", "rollback"];

/** Time passes, and somebody with the console makes a key. */
function disturb(t: TestContext, { realm, history, look }: World, random: Random, step: number): void {
  if (random(3) === 0) {
    look();
    t.mock.timers.tick(random(2) === 0 ? overlapMs : random(overlapMs));
    look();
  }
  if (random(12) > 0) return;
  const [priority, active] = [random(2) === 0 ? 10_000 + step : 50, random(2) === 0];
  realm.add({ name: `foreign-${step}`, algorithm: "RS256", priority, active });
  history.push(`foreign key at ${priority}, ${active ? "active" : "passive"}`);
}

/** The same rotation in any mode, or the next one; later ones have an algorithm more. */
function nextQuestion(highest: number, last: RunQuestion | undefined, random: Random): RunQuestion {
  const mode = modes[random(modes.length)] ?? "planned";
  const isBump = highest === 0 || (mode !== "rollback" && random(2) === 0);
  const algorithms = highest > 2 ? ["RS256", "ES256"] : ["RS256"];
  return {
    rotation: isBump ? highest + 1 : highest,
    mode,
    incident: "INC-1",
    algorithms: isBump ? algorithms : (last?.algorithms ?? ["RS256"]),
    exemptKeys: [],
    overlapMs,
    keepRetired: random(3),
    now: "",
  };
}

/** The same up again, and once more: it converges, and then changes nothing. */
async function converge(world: World, question: RunQuestion): Promise<void> {
  assert.ok(await world.up(question, Number.POSITIVE_INFINITY), "the same up is not refused after a kill");
  await world.checkSettled(question);
  // What a run has just disabled it does not delete: that is left to a later one.
  const kept = async () => (await listSigningKeys(world.realm)).filter(isTrusted);
  const settled = await kept();
  await world.up(question, Number.POSITIVE_INFINITY);
  assert.deepEqual(await kept(), settled);
}

async function play(t: TestContext, world: World, random: Random): Promise<void> {
  world.realm.onChange = world.look;
  let last: RunQuestion | undefined;
  for (let step = 0; step < 40; step += 1) {
    disturb(t, world, random, step);
    const highest = highestRotation(await listKeyComponents(world.realm));
    const question = nextQuestion(highest, last, random);
    const run = await world.up(question, random(2) === 0 ? random(6) : 0);
    if (run && question.rotation > highest) last = run;
    if (run && random(2) === 0) await converge(world, question);
  }
}

suite("cutOver, killed at any change", () => {
  for (let seed = 1; seed <= 40; seed += 1) {
    test(`random sequence ${seed} never leaves the realm without a managed signer, and logs nobody out except in an emergency`, async (t) => {
      const world = worldOf(t);
      try {
        await play(t, world, randomNumbers(seed));
      } catch (error) {
        throw new Error(`after ${world.history.join("; then ")}`, { cause: error });
      }
    });
  }
});

const question: RunQuestion = {
  rotation: 1,
  mode: "planned",
  incident: "",
  algorithms: ["RS256"],
  exemptKeys: [],
  overlapMs,
  keepRetired: 1,
  now: "",
};

suite("cutOver", () => {
  for (const [title, mode, stage, reads] of [
    ["an emergency", "emergency", "final", 3],
    ["a planned cut-over", "planned", "overlap", 3],
    ["a retirement, which activates nothing and has nothing to delete,", "planned", "final", 2],
  ] as const) {
    test(`${title} reads the keys once before a change and once after it`, async (t) => {
      const { realm } = worldOf(t);
      const name = managedKeyName(1, "RS256");
      const componentIds = [realm.add({ name, algorithm: "RS256", priority: 0, active: false })];
      const canary = { canaries: [], keysBefore: [], keysBeforeAt: new Date().toISOString() };
      const goal = { ...question, mode, stage, componentIds, jwksUris: [], canary };
      if (mode === "planned" && stage === "final") {
        await assert.rejects(cutOver(realm, { ...goal, stage: "overlap" }, quiet), Killed);
        t.mock.timers.tick(overlapMs);
      }
      realm.reads = 0;
      await assert.rejects(cutOver(realm, goal, quiet), Killed);
      assert.equal(realm.reads, reads);
      realm.reads = 0;
      await assert.rejects(cutOver(realm, goal, quiet), Killed);
      assert.equal(realm.reads, 1, "where nothing is left to do, one look shows it");
    });
  }

  for (const [title, mode, rivals, code, left] of [
    ["an emergency puts its own above it and goes on", "emergency", 1, undefined, 1],
    ["again and again, an emergency gives up", "emergency", 9, "KEY_NOT_ACTIVE", 8],
    ["a planned rotation stops", "planned", 1, "KEY_NOT_ACTIVE", 3],
  ] as const) {
    test(`no key is disabled before the realm's own was seen to sign: where a rival is put above it, ${title}`, async (t) => {
      const { realm } = worldOf(t);
      const name = managedKeyName(1, "RS256");
      const componentIds = [realm.add({ name, algorithm: "RS256", priority: 0, active: false })];
      const canary = { canaries: [], keysBefore: [], keysBeforeAt: new Date().toISOString() };
      let count = 0;
      realm.onChange = () => {
        const own = realm.snapshot().find(({ componentName }) => componentName === name);
        if (!own?.signing || count === rivals) return;
        count += 1;
        realm.add({ name: `rival-${count}`, algorithm: "RS256", priority: 10_000 * count, active: true });
      };
      const stage = mode === "emergency" ? ("final" as const) : ("overlap" as const);
      const goal = { ...question, mode, stage, componentIds, jwksUris: [], canary };
      const end = await cutOver(realm, goal, quiet).catch((error: unknown) => error);
      if (code) assert.ok(end instanceof RotationError && end.code === code, `${end}`);
      else assert.ok(end instanceof Killed, `${end}`);
      assert.equal(realm.snapshot().filter(isTrusted).length, left);
    });
  }

  for (const [title, marks] of [
    ["a key", {}],
    ["a key that was retired and enabled again", { died: "proven 7" }],
  ] as const)
    test(`in an emergency ${title} that can't be changed does not keep the next one alive`, async (t) => {
      const { realm } = worldOf(t);
      const stuck = realm.add({ name: "stuck", algorithm: "RS256", priority: 50, active: false });
      await updateKeyComponent(realm, stuck, { marks });
      realm.add({ name: "stolen", algorithm: "RS256", priority: 60, active: false });
      const name = managedKeyName(1, "RS256");
      const componentIds = [realm.add({ name, algorithm: "RS256", priority: 0, active: false })];
      const put = realm.put.bind(realm);
      realm.put = async (path, body) => {
        if (path === `/components/${stuck}`)
          throw new RotationError("KEYCLOAK_UNEXPECTED_ANSWER", "HTTP 400", { nextStep: "look" });
        await put(path, body);
      };
      const canary = { canaries: [], keysBefore: [], keysBeforeAt: new Date().toISOString() };
      const goal = { ...question, mode: "emergency" as const, stage: "final" as const, componentIds, canary };
      await assert.rejects(cutOver(realm, { ...goal, jwksUris: [] }, quiet), {
        code: "KEYCLOAK_UNEXPECTED_ANSWER",
      });
      const alive = realm.snapshot().filter(isTrusted);
      assert.deepEqual(alive.map(({ componentName }) => componentName).toSorted(), [name, "stuck"]);
    });

  test("a key that was retired and enabled again is disabled in mode planned, too, without waiting for a borrowed key", async (t) => {
    const { realm } = worldOf(t);
    const name = managedKeyName(1, "RS256");
    const componentIds = [realm.add({ name, algorithm: "RS256", priority: 0, active: false })];
    const revived = realm.add({ name: "revived", algorithm: "RS256", priority: 50, active: false });
    await updateKeyComponent(realm, revived, { marks: { killed: "proven 7 abc" } });
    const at = new Date().toISOString();
    const canary = { canaries: [], keysBefore: [], keysBeforeAt: at, borrowedAt: at };
    const goal = { ...question, mode: "planned" as const, stage: "overlap" as const, componentIds, canary };
    await assert.rejects(cutOver(realm, { ...goal, jwksUris: [] }, quiet), Killed);
    const keys = await listSigningKeys(realm);
    const states = keys.map(({ componentName, status, died, killed }) => [
      componentName,
      status,
      died ?? killed,
    ]);
    assert.deepEqual(states, [
      ["rsa-generated", "PASSIVE", undefined],
      [name, "ACTIVE", undefined],
      // What a kill had proven of it before does not close its second death.
      ["revived", "DISABLED", "open 1"],
    ]);
  });

  test("a key that was there before an emergency is not marked as made for it", async (t) => {
    const { realm } = worldOf(t);
    const name = managedKeyName(1, "RS256");
    const componentIds = [realm.add({ name, algorithm: "RS256", priority: 0, active: false })];
    const canary = { canaries: [], keysBefore: [], keysBeforeAt: new Date().toISOString() };
    const order = { mode: "emergency", stage: "final", incident: "INC-1" } as const;
    const goal = { ...question, ...order, componentIds, canary };
    await assert.rejects(cutOver(realm, { ...goal, jwksUris: [] }, quiet), Killed);
    const own = (await listSigningKeys(realm)).find(({ componentName }) => componentName === name);
    assert.deepEqual([own?.incident, own?.endedFor], [undefined, "INC-1"]);
  });

  test("a key that becomes the signer again starts a new overlap", async (t) => {
    const world = worldOf(t);
    for (const mode of ["planned", "rollback", "planned"] as const) {
      t.mock.timers.tick(60_000);
      await world.up({ ...question, mode }, Number.POSITIVE_INFINITY);
      const end = overlapEnd(await listSigningKeys(world.realm));
      assert.equal(end, new Date(Date.now() + overlapMs).toISOString());
    }
  });

  test("a key that appears between the plan and the retirement is made passive first", async (t) => {
    const { realm } = worldOf(t);
    const componentIds = [
      realm.add({ name: managedKeyName(1, "RS256"), algorithm: "RS256", priority: 900, active: true }),
    ];
    realm.add({ name: "passive", algorithm: "RS256", priority: 50, active: false });
    const canary = { canaries: [], keysBefore: [], keysBeforeAt: new Date().toISOString() };
    const goal = { ...question, stage: "final" as const, componentIds, jwksUris: [], canary };
    await assert.rejects(cutOver(realm, goal, quiet), Killed);
    const states = realm.snapshot().map(({ componentName, status }) => `${componentName} ${status}`);
    assert.deepEqual(states, [
      "rsa-generated PASSIVE",
      "jwks-break-glass-r1-RS256 ACTIVE",
      "passive DISABLED",
    ]);
  });
});
