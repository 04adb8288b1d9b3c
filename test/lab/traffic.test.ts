import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import { decodeJwt } from "jose";
import type { ApiFleet, ApiProcess } from "../../scripts/lab/api-fleet.ts";
import { type Fleet, startFleet } from "../../scripts/lab/fleet.ts";
import { type LabKeycloak, startKeycloak } from "../../scripts/lab/keycloak.ts";
import { LabAdmin, type LabRealm } from "../../scripts/lab/keycloak-realms.ts";
import { startTraffic, type Traffic, type TrafficFailure } from "../../scripts/lab/traffic.ts";
import { until } from "./engine/world.ts";
import { apiRefreshToken, refresh } from "./sample-api/calls.ts";

let keycloak: LabKeycloak;
let admin: LabAdmin;

before(async () => {
  keycloak = await startKeycloak();
  admin = new LabAdmin(keycloak);
});
after(() => keycloak?.stop());

async function realmFor(t: TestContext, settings: object = {}): Promise<LabRealm> {
  const realm = await admin.createRealm(undefined, settings);
  t.after(() => admin.deleteRealm(realm.name));
  return realm;
}

const apis = (issuer: string): Promise<Fleet> =>
  startFleet({ count: 2, issuer, apiRefreshToken, env: { COOLDOWN_MS: "3600000" } });
const recorder = async (): Promise<Recorder> => new Recorder();

/** In reverse order, unlike t.after: the traffic stops before its realm goes. */
async function trafficFor<F extends ApiFleet>(
  t: TestContext,
  start: (issuer: string) => Promise<F>,
  settings: object = {},
): Promise<{ realm: LabRealm; fleet: F; traffic: Traffic }> {
  const cleanup = new AsyncDisposableStack();
  t.after(() => cleanup.disposeAsync());
  const realm = await admin.createRealm(undefined, settings);
  cleanup.defer(() => admin.deleteRealm(realm.name));
  const fleet = await start(realm.issuer);
  cleanup.defer(() => fleet.stop());
  const traffic = await startTraffic({ admin, realm: realm.name, fleet });
  cleanup.defer(() => traffic.stop());
  return { realm, fleet, traffic };
}

/** Polls until a failure of that kind is seen. */
async function failure(traffic: Traffic, matches: Partial<TrafficFailure>): Promise<TrafficFailure> {
  const find = () =>
    traffic.failures.find((one) =>
      Object.entries(matches).every(([key, value]) => one[key as keyof TrafficFailure] === value),
    );
  await until(() => find() !== undefined, `a failure ${JSON.stringify(matches)} is seen`);
  const found = find();
  assert.ok(found);
  return found;
}

/** Stands for API processes, and keeps what they were asked. */
class Recorder implements ApiFleet {
  readonly calls: { token: string; at: number }[] = [];
  listed = 0;
  gate: Promise<unknown> = Promise.resolve();
  readonly instances: readonly ApiProcess[] = [
    {
      name: "recorder",
      url: "",
      misbehave: async () => {},
      accessLog: async () => [],
      statusOf: async (_path, token) => {
        this.calls.push({ token, at: Date.now() });
        return 200;
      },
    },
  ];

  async list(): Promise<readonly ApiProcess[]> {
    this.listed += 1;
    await this.gate;
    return this.instances;
  }

  async stop(): Promise<void> {}
}

describe("traffic", () => {
  test("with a healthy realm nothing fails, and it includes services, logins and refreshes", async (t) => {
    const { realm, fleet, traffic } = await trafficFor(t, apis);
    const [key] = await admin.signingKeys(realm.name);
    await until(() => traffic.requests > 200, "there were 200 requests");
    await traffic.settled();
    assert.deepEqual(traffic.failures, []);
    assert.deepEqual([...traffic.kids.keys()], [key?.kid]);
    for (const instance of fleet.instances) assert.ok((await instance.accessLog()).length > 20);
    const [user] = (await admin.get(`/${realm.name}/users?search=traffic`)) as { username: string }[];
    assert.ok((await admin.sessionsOf(realm.name, user?.username ?? "")).length >= 2);
  });

  test("a careless rotation shows as failures: first new tokens are refused, and after a refresh the older ones", async (t) => {
    const { realm, fleet, traffic } = await trafficFor(t, apis);
    const [old] = await admin.signingKeys(realm.name);
    const id = await admin.createKey(realm.name, "next", "rsa-generated", { priority: "200" });
    const next = (await admin.signingKeys(realm.name)).find(({ providerId }) => providerId === id);
    const refused = { what: "call", status: 401 } as const;
    const early = await failure(traffic, { ...refused, instance: "api-2", kid: next?.kid ?? "" });
    assert.ok((early.ageMs ?? Number.NaN) < 60_000);
    assert.ok(!traffic.failures.some(({ kid }) => kid === old?.kid));
    await admin.setKey(realm.name, old?.providerId ?? "", { enabled: "false", active: "false" });
    for (const instance of fleet.instances) assert.equal((await refresh(instance)).status, 200);
    const late = await failure(traffic, { ...refused, instance: "api-1", kid: old?.kid ?? "" });
    assert.ok((late.ageMs ?? -1) >= 0);
    assert.match(late.at, /^\d{4}-.*Z$/);
    assert.deepEqual(new Set(traffic.kids.keys()), new Set([old?.kid, next?.kid]));
  });

  test("forgotten tokens are no longer used, so that a key can be disabled as if they had expired", async (t) => {
    const { realm, fleet, traffic } = await trafficFor(t, apis);
    const [old] = await admin.signingKeys(realm.name);
    await admin.createKey(realm.name, "next", "rsa-generated", { priority: "200" });
    for (const instance of fleet.instances) await refresh(instance);
    await traffic.settled();
    await traffic.forgetTokens();
    const before = traffic.failures.length;
    await admin.setKey(realm.name, old?.providerId ?? "", { enabled: "false", active: "false" });
    for (const instance of fleet.instances) await refresh(instance);
    await traffic.settled();
    assert.deepEqual(traffic.failures.slice(before), []);
  });

  test("an instance that answers 500 and one that has stopped are named", async (t) => {
    const { fleet, traffic } = await trafficFor(t, apis);
    await fleet.instances[0]?.misbehave("probe-500");
    await failure(traffic, { what: "call", instance: "api-1", status: 500 });
    await fleet.instances[1]?.stop();
    const gone = await failure(traffic, { what: "call", instance: "api-2" });
    assert.equal(gone.status, undefined);
    assert.match(gone.reason, /connection/);
  });

  test("ended sessions and a disabled client are failures of refresh, mint and login", async (t) => {
    const { realm, traffic } = await trafficFor(t, recorder);
    await admin.send("POST", `/${realm.name}/logout-all`);
    const refused = await failure(traffic, { what: "refresh", status: 400 });
    assert.match(refused.reason, /^invalid_grant/);
    const clients = (await admin.get(`/${realm.name}/clients?clientId=traffic&search=true`)) as {
      id: string;
    }[];
    await admin.setClient(realm.name, clients[0]?.id ?? "", { enabled: false });
    await failure(traffic, { what: "mint", status: 401 });
    await failure(traffic, { what: "login", status: 401 });
  });

  test("an exception of the fleet and an empty fleet are failures, and the traffic continues", async (t) => {
    const { fleet, traffic } = await trafficFor(t, recorder);
    fleet.list = async () => {
      throw new TypeError("no list");
    };
    await failure(traffic, { what: "round", reason: "TypeError: no list" });
    fleet.list = async () => [];
    await failure(traffic, { what: "round", reason: "Error: no instance serves requests" });
    fleet.list = async () => fleet.instances;
    const before = fleet.calls.length;
    await traffic.settled();
    assert.ok(fleet.calls.length > before);
  });

  test("a token is used until it expires and not after that", async (t) => {
    const { fleet, traffic } = await trafficFor(t, recorder, { accessTokenLifespan: 5 });
    const first = fleet.calls[0]?.token ?? "";
    const { iat = 0, exp = 0 } = decodeJwt(first);
    assert.equal(exp - iat, 5);
    await until(() => Date.now() > exp * 1_000, "the first token has expired");
    await traffic.settled();
    const late = fleet.calls.filter(({ token, at }) => token === first && at > iat * 1_000 + 2_000);
    assert.ok(late.length > 0);
    assert.ok(fleet.calls.every(({ token, at }) => at < (decodeJwt(token).exp ?? 0) * 1_000));
    assert.deepEqual(traffic.failures, []);
  });

  test("settled waits for a round that began after the call, not for the running one", async (t) => {
    const { fleet, traffic } = await trafficFor(t, recorder);
    const gate = Promise.withResolvers<void>();
    fleet.gate = gate.promise;
    const waiting = fleet.listed + 2;
    await until(() => fleet.listed === waiting, "both clients are in the middle of a round");
    const settled = traffic.settled();
    gate.resolve();
    await settled;
    assert.ok(fleet.listed >= waiting + 2);
  });

  test("after a stop there are no more requests, and waiting for a round is an error", async (t) => {
    const { traffic } = await trafficFor(t, recorder);
    const pending = assert.rejects(traffic.settled(), /stopped/);
    await traffic.stop();
    await pending;
    const { requests } = traffic;
    await assert.rejects(traffic.settled(), /stopped/);
    assert.equal(traffic.requests, requests);
  });
});

describe("the lab's administrator", () => {
  test("a user's login has a session, which can be listed, refreshed and ended", async (t) => {
    const { name } = await realmFor(t);
    await admin.createRealmRole(name, "auditor");
    await admin.createUser(name, "bob", { password: "bobs-password", realmRoles: ["auditor", "admin"] });
    const client = await admin.createPublicClient(name, "app");
    const login = await admin.login(name, client, "bob", "bobs-password");
    const { realm_access, sid } = decodeJwt<{ realm_access: { roles: string[] } }>(login.access_token);
    assert.equal(login.sid, sid);
    assert.ok(realm_access.roles.includes("auditor") && realm_access.roles.includes("admin"));
    assert.deepEqual(
      (await admin.sessionsOf(name, "bob")).map(({ id, username }) => ({ id, username })),
      [{ id: sid, username: "bob" }],
    );
    const again = await admin.refresh(name, client, login.refresh_token);
    assert.equal(again.status, 200);
    assert.equal(decodeJwt(again.body.access_token ?? "").sid, sid);
    await admin.send("DELETE", `/${name}/sessions/${sid}`);
    assert.deepEqual(await admin.sessionsOf(name, "bob"), []);
    const dead = await admin.refresh(name, client, login.refresh_token);
    assert.deepEqual(
      [dead.status, dead.body.error, dead.body.access_token],
      [400, "invalid_grant", undefined],
    );
  });

  test("a refused login is thrown with Keycloak's reason and without the password", async (t) => {
    const { name, user } = await realmFor(t);
    await admin.createUser(name, "guest");
    const client = await admin.createClient(name, "app");
    for (const username of [user.username, "guest"]) {
      await assert.rejects(admin.login(name, client, username, "a-wrong-one"), (error: Error) => {
        assert.match(error.message, /can't log in: 40[01] .*invalid_grant/);
        return !error.message.includes("a-wrong-one");
      });
    }
    await assert.rejects(admin.sessionsOf(name, "nobody"), /has no user nobody/);
  });

  test("a change of a client keeps the rest of it, and undoing the change restores it", async (t) => {
    const { name } = await realmFor(t);
    await admin.createClient(name, "app", undefined, { "access.token.lifespan": "600" });
    const before = await admin.client(name, "app");
    await admin.setClient(name, before.id, { enabled: false, attributes: { mark: "yes" } });
    const changed = await admin.client(name, "app");
    assert.equal(changed.enabled, false);
    assert.deepEqual(changed.attributes, { ...before.attributes, mark: "yes" });
    await admin.setClient(name, before.id, { enabled: true, attributes: { mark: "" } });
    assert.deepEqual(await admin.client(name, "app"), before);
    await assert.rejects(admin.client(name, "ap"), /has no client ap$/);
  });
});
