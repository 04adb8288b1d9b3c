import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import type { z } from "zod";
import type { Mode } from "#operations/base/run-context";
import { activate, seeSigners } from "#operations/keys/activate";
import { cutOver } from "#operations/keys/cut-over";
import { planCutover } from "#operations/keys/plan-cutover";
import { managedKeyName } from "#operations/keys/realm-keys";
import { SigningKeys } from "#operations/keys/signing-keys";
import { InMemoryRealm, Killed } from "../in-memory-realm.ts";
import { runQuestion } from "../samples.ts";

/** A realm behind a balancer: the node that answers hears of changes only after so many reads. */
class LaggingRealm extends InMemoryRealm {
  lag = 0;
  onRead: () => void = () => undefined;
  #before: unknown;

  override async get<T>(path: string, shape: z.ZodType<T>): Promise<T> {
    const now = await super.get(path, shape);
    if (path !== "/keys") return now;
    this.onRead();
    if (this.#before === undefined || this.lag <= 0) this.#before = now;
    else this.lag -= 1;
    return shape.parse(this.#before);
  }
}

/** Cuts a realm over whose node hears of each disabling only after so many reads; what it meant to say at the end. */
async function cutOverBehind(t: TestContext, mode: Mode, lag: number): Promise<unknown> {
  t.mock.timers.enable({ apis: ["Date"] });
  const realm = new LaggingRealm();
  const old = realm.add({ name: "rsa-generated", algorithm: "RS256", priority: 100, active: true });
  const name = managedKeyName(1, "RS256");
  const componentIds = [realm.add({ name, algorithm: "RS256", priority: 0, active: false })];
  const put = realm.put.bind(realm);
  realm.put = async (path, body) => {
    await put(path, body);
    if (path.endsWith(old)) realm.lag = lag;
  };
  realm.onRead = () => t.mock.timers.tick(400);
  const stage = mode === "emergency" ? ("final" as const) : ("overlap" as const);
  const canary = { canaries: [], keysBefore: [], keysBeforeAt: new Date().toISOString() };
  const request = {
    ...runQuestion,
    mode,
    stage,
    rotation: 1,
    componentIds,
    jwksUris: [],
    canary,
    overlapMs: 0,
  };
  return cutOver(realm, request, () => undefined).catch((error: unknown) => error);
}

suite("a node that has not heard of what became of the old keys", () => {
  for (const mode of ["planned", "emergency"] as const) {
    test(`${mode}: it is given some seconds`, async (t) => {
      // Whoever comes to its end reads the JWKS, which is not served here.
      assert.ok((await cutOverBehind(t, mode, 2)) instanceof Killed);
    });
  }

  test("planned: one that never hears of it is NODES_DISAGREE", async (t) => {
    const error = await cutOverBehind(t, "planned", 1_000);
    assert.match(`${error}`, /NODES_DISAGREE.*the old keys are as they were left.*key-1 is ACTIVE/);
  });

  test("emergency: the cut-over comes to its end, so that the instances are told", async (t) => {
    assert.ok((await cutOverBehind(t, "emergency", 1_000)) instanceof Killed);
  });
});

interface Circumstances {
  /** Reads by which the node is behind. */
  lag?: number;
  /** How long each of them takes. */
  readMs?: number;
  /** Priority of a key that somebody adds after the activation. */
  rival?: number;
  /** Default: planned. */
  mode?: Mode;
}

/** Activates a new key, and looks whether it signs. */
async function look(
  t: TestContext,
  { lag = 0, readMs = 0, rival, mode = "planned" }: Circumstances = {},
): Promise<string> {
  t.mock.timers.enable({ apis: ["Date"] });
  const realm = new LaggingRealm();
  realm.add({ name: "rsa-generated", algorithm: "RS256", priority: 100, active: true });
  const name = managedKeyName(1, "RS256");
  const componentIds = [realm.add({ name, algorithm: "RS256", priority: 0, active: false })];
  const keys = new SigningKeys(realm);
  const stage = mode === "emergency" ? ("final" as const) : ("overlap" as const);
  const canary = { canaries: [], keysBefore: [], keysBeforeAt: new Date().toISOString() };
  const request = { ...runQuestion, mode, stage, componentIds, jwksUris: [], canary };
  const plan = async () => planCutover(await keys.list(), request);
  const cutover = { request: { ...request, overlapMs: 0 }, keys, progress: () => undefined, plan };
  await plan();
  realm.lag = lag;
  await activate(cutover);
  if (rival !== undefined) realm.add({ name: "rival", algorithm: "RS256", priority: rival, active: true });
  realm.onRead = () => t.mock.timers.tick(readMs);
  return seeSigners(cutover);
}

suite("seeSigners, after an activation", () => {
  test("a key that signs is seen at once", async (t) => {
    assert.equal(Date.parse(await look(t)), Date.now());
  });

  test("a node that has not heard of the activation is given some seconds", async (t) => {
    assert.equal(Date.parse(await look(t, { lag: 1, readMs: 1_000 })), Date.now());
  });

  test("a node that never hears of it is NODES_DISAGREE, and nobody else is blamed", async (t) => {
    await assert.rejects(look(t, { lag: 1_000, readMs: 2_500 }), {
      code: "NODES_DISAGREE",
      message: /0 of \d+ reads in 5 s show that the new keys are active, \d+ do not \(key-2 is PASSIVE\)/,
    });
  });

  test("a key that somebody has put another above is KEY_NOT_ACTIVE", async (t) => {
    await assert.rejects(look(t, { rival: 10_000 }), { code: "KEY_NOT_ACTIVE" });
  });

  test("an emergency goes on where a node is behind for some seconds, or somebody has put another above", async (t) => {
    const mode = "emergency";
    for (const circumstances of [{ lag: 3, readMs: 1_100 }, { rival: 10_000 }]) {
      assert.ok(await look(t, { mode, ...circumstances }));
      t.mock.timers.reset();
    }
  });

  test("in an emergency, too, a node that never hears of it is NODES_DISAGREE", async (t) => {
    await assert.rejects(look(t, { mode: "emergency", lag: 1_000, readMs: 1_100 }), {
      code: "NODES_DISAGREE",
    });
  });
});
