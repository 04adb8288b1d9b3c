import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { z } from "zod";
import type { MintedToken } from "#operations/canaries/canary";
import { mintLongLivedToken, mintToken, type ProbeClient } from "#operations/canaries/tokens";
import type { KeycloakConnection } from "#operations/keycloak/connection";
import { discover } from "#operations/keycloak/jwks";
import type { KeycloakAdmin } from "#operations/keycloak/keycloak-admin";
import { listClients } from "#operations/keycloak/realm-clients";
import { type CutoverResult, cutOver } from "#operations/keys/cut-over";
import type { CutoverRequest } from "#operations/keys/cutover-request";
import { closedDeath, openKeys } from "#operations/keys/death-marks";
import { deriveOverlap, overlapEnd } from "#operations/keys/overlap";
import { planRun } from "#operations/keys/plan-run";
import { publishKey } from "#operations/keys/publish-key";
import { listKeyComponents, listSigningKeys, updateKeyComponent } from "#operations/keys/realm-keys";
import { addClient, call, realmFor } from "./lab-realm.ts";

const quiet = () => undefined;
const overlapMs = 360_000;
const ids = z.array(z.looseObject({ id: z.string() }));

type Change = Pick<CutoverRequest, "mode" | "stage"> & Partial<CutoverRequest>;

async function cut(admin: KeycloakAdmin, rotation: number, change: Change): Promise<CutoverResult> {
  const keysBefore = await listSigningKeys(admin);
  const componentIds = keysBefore
    .filter(({ componentName }) => componentName.startsWith(`jwks-break-glass-r${rotation}-`))
    .map(({ componentId }) => componentId);
  const canary = { keysBefore, keysBeforeAt: new Date().toISOString(), canaries: [] };
  const goal = {
    rotation,
    componentIds,
    exemptKeys: [],
    overlapMs,
    keepRetired: 1,
    jwksUris: [],
    incident: "INC-1",
    canary,
  };
  return cutOver(admin, { ...goal, ...change }, quiet);
}

/** A rotation whose overlap is over as soon as it has begun, and its retirement. */
async function rotateAndRetire(admin: KeycloakAdmin, rotation: number): Promise<CutoverResult> {
  await publishKey(admin, { rotation }, "RS256");
  await cut(admin, rotation, { mode: "planned", stage: "overlap", overlapMs: 0 });
  return cut(admin, rotation, { mode: "planned", stage: "final", overlapMs: 0 });
}

async function mint(admin: KeycloakAdmin, client: ProbeClient): Promise<MintedToken> {
  return mintToken(admin, (await discover(admin)).tokenEndpoint, client);
}

/** Status of Keycloak's own userinfo, which verifies a token as an API does. */
async function userinfo(admin: KeycloakAdmin, { token }: MintedToken): Promise<number> {
  const { userinfoEndpoint } = await discover(admin);
  return (await admin.fetchPublic(userinfoEndpoint, { headers: { authorization: `Bearer ${token}` } }))
    .status;
}

async function names(admin: KeycloakAdmin): Promise<string[]> {
  return (await listSigningKeys(admin)).map(({ componentName }) => componentName).toSorted();
}

function planning(connection: () => KeycloakConnection): void {
  test("a planned cut-over has the new key sign and the old key's tokens accepted, and keeps the overlap's end in Keycloak", async (t) => {
    const admin = await realmFor(t, connection());
    const client = await addClient(admin, "RS256");
    const old = await mint(admin, client);
    const { kid } = await publishKey(admin, { rotation: 1 }, "RS256");
    const from = Date.now();
    const result = await cut(admin, 1, { mode: "planned", stage: "overlap" });
    const fresh = await mint(admin, client);
    assert.equal(fresh.kid, kid);
    assert.deepEqual([await userinfo(admin, old), await userinfo(admin, fresh)], [200, 200]);
    assert.deepEqual(
      [result.passive.map((key) => key.kid), result.retired, result.deleted],
      [[old.kid], [], []],
    );
    const end = Date.parse(result.retireAfter ?? "");
    assert.ok(end >= from + overlapMs && end <= Date.now() + overlapMs);
    assert.equal(overlapEnd(await listSigningKeys(admin)), result.retireAfter);
  });

  test("carried out again in mid-overlap it changes nothing, its end least of all", async (t) => {
    const admin = await realmFor(t, connection());
    await publishKey(admin, { rotation: 1 }, "RS256");
    const first = await cut(admin, 1, { mode: "planned", stage: "overlap" });
    const again = await cut(admin, 1, { mode: "planned", stage: "overlap" });
    assert.deepEqual(again.keysAfter, first.keysAfter);
    assert.equal(again.retireAfter, first.retireAfter);
  });

  test("an emergency in mid-overlap disables the passive key and ends the overlap", async (t) => {
    const admin = await realmFor(t, connection());
    const old = await mint(admin, await addClient(admin, "RS256"));
    await publishKey(admin, { rotation: 1 }, "RS256");
    await cut(admin, 1, { mode: "planned", stage: "overlap" });
    const { retired, passive } = await cut(admin, 1, { mode: "emergency", stage: "final" });
    assert.deepEqual([retired.map(({ kid }) => kid), passive], [[old.kid], []]);
    assert.equal(await userinfo(admin, old), 401);
    assert.ok((overlapEnd(await listSigningKeys(admin)) ?? "") <= new Date().toISOString());
  });

  test("the retirement disables the passive key, and its token is refused", async (t) => {
    const admin = await realmFor(t, connection());
    const old = await mint(admin, await addClient(admin, "RS256"));
    const { retired, passive, retireAfter } = await rotateAndRetire(admin, 1);
    assert.deepEqual([retired.map(({ kid }) => kid), passive, retireAfter], [[old.kid], [], undefined]);
    assert.equal(await userinfo(admin, old), 401);
  });

  test("retirements delete our disabled keys beyond keepRetired, and never one that is not ours", async (t) => {
    const admin = await realmFor(t, connection());
    for (const rotation of [1, 2]) {
      assert.deepEqual((await rotateAndRetire(admin, rotation)).deleted, []);
      await closeDeaths(admin, rotation);
    }
    const { deleted } = await rotateAndRetire(admin, 3);
    assert.deepEqual(
      deleted.map(({ componentName }) => componentName),
      ["jwks-break-glass-r1-RS256"],
    );
    const left = ["jwks-break-glass-r2-RS256", "jwks-break-glass-r3-RS256", "rsa-generated"];
    assert.deepEqual(await names(admin), left);
  });
}

function takingBack(connection: () => KeycloakConnection): void {
  test("a rollback makes an unmanaged key ours and the signer, and the new key's tokens are still accepted", async (t) => {
    const admin = await realmFor(t, connection());
    const client = await addClient(admin, "RS256");
    const old = await mint(admin, client);
    await publishKey(admin, { rotation: 1 }, "RS256");
    await cut(admin, 1, { mode: "planned", stage: "overlap" });
    const fresh = await mint(admin, client);
    const result = await cut(admin, 1, { mode: "rollback", stage: "overlap" });
    assert.equal((await mint(admin, client)).kid, old.kid);
    assert.equal(await userinfo(admin, fresh), 200);
    assert.deepEqual(
      result.passive.map(({ kid }) => kid),
      [fresh.kid],
    );
    assert.deepEqual(await names(admin), ["jwks-break-glass-r0-RS256", "jwks-break-glass-r1-RS256"]);
    assert.equal(overlapEnd(await listSigningKeys(admin)), result.retireAfter);
    const component = (await listKeyComponents(admin)).find(
      ({ name }) => name === "jwks-break-glass-r0-RS256",
    );
    assert.equal(component?.providerId, "rsa-generated");
  });

  test("when its overlap is over the new key is disabled, and the rotation is over", async (t) => {
    const admin = await realmFor(t, connection());
    const client = await addClient(admin, "RS256");
    await publishKey(admin, { rotation: 1 }, "RS256");
    await cut(admin, 1, { mode: "planned", stage: "overlap" });
    const fresh = await mint(admin, client);
    await cut(admin, 1, { mode: "rollback", stage: "overlap", overlapMs: 0 });
    const { retired } = await cut(admin, 1, { mode: "rollback", stage: "final", overlapMs: 0 });
    assert.deepEqual(
      retired.map(({ kid }) => kid),
      [fresh.kid],
    );
    assert.equal(await userinfo(admin, fresh), 401);
    const question = {
      rotation: 1,
      mode: "planned" as const,
      incident: "",
      algorithms: ["RS256"],
      exemptKeys: [],
    };
    const now = new Date().toISOString();
    const plan = planRun(await listSigningKeys(admin), { ...question, overlapMs, keepRetired: 1, now });
    assert.match(plan.problems.join(), /^rotation: 1 is over.*set rotation to 2$/);
  });

  test("after the retirement it is ROLLBACK_IMPOSSIBLE, and nothing changes", async (t) => {
    const admin = await realmFor(t, connection());
    await rotateAndRetire(admin, 1);
    const before = await listSigningKeys(admin);
    await assert.rejects(cut(admin, 1, { mode: "rollback", stage: "overlap" }), {
      code: "ROLLBACK_IMPOSSIBLE",
    });
    assert.deepEqual(await listSigningKeys(admin), before);
  });
}

async function overlapSeconds(admin: KeycloakAdmin): Promise<number> {
  return (await deriveOverlap(admin, await listClients(admin), 60)).seconds;
}

function overlapping(connection: () => KeycloakConnection): void {
  test("the overlap follows the realm's access-token lifespan, then a client's, then a session's", async (t) => {
    const admin = await realmFor(t, connection());
    const realm = await admin.get("", z.looseObject({ accessTokenLifespan: z.number() }));
    assert.equal(await overlapSeconds(admin), realm.accessTokenLifespan + 60);
    await addClient(admin, "RS256", { "access.token.lifespan": "1200" });
    assert.equal(await overlapSeconds(admin), 1260);
    await addClient(admin, "ES256", { "access.token.lifespan": "-1" });
    assert.equal(await overlapSeconds(admin), 36_060);
  });

  test("the lifespan of the implicit flow counts where a client may use that", async (t) => {
    const admin = await realmFor(t, connection());
    await call(connection(), "PUT", `/${admin.realmName}`, { accessTokenLifespanForImplicitFlow: 5_000 });
    assert.equal(await overlapSeconds(admin), 360);
    await admin.post("/clients", { clientId: "browser", publicClient: true, implicitFlowEnabled: true });
    const derived = await deriveOverlap(admin, await listClients(admin), 60);
    assert.equal(derived.seconds, 5_060);
    assert.match(derived.because, /implicit flow \(client browser\)/);
  });

  test("our own clients do not count", async (t) => {
    const admin = await realmFor(t, connection());
    const attributes = { "access.token.lifespan": "86400" };
    await admin.post("/clients", { clientId: "jwks-break-glass-probe-rs256", attributes });
    assert.equal(await overlapSeconds(admin), 360);
  });
}

/** Seconds for which a token is good. */
function lifeOf({ expiresAt }: MintedToken): number {
  return Math.round((Date.parse(expiresAt) - Date.now()) / 1000);
}

async function longLived(admin: KeycloakAdmin, client: ProbeClient): Promise<number> {
  const { tokenEndpoint } = await discover(admin);
  return lifeOf(await mintLongLivedToken(admin, tokenEndpoint, client));
}

function minting(connection: () => KeycloakConnection): void {
  const twoDays = 172_800;
  const tenHours = 36_000;
  const attributes = { "access.token.lifespan": String(twoDays) };

  test("a long-lived token outlives the session's maximum, which caps any other", async (t) => {
    const admin = await realmFor(t, connection());
    const client = await addClient(admin, "RS256", attributes);
    assert.ok(lifeOf(await mint(admin, client)) <= tenHours);
    const life = await longLived(admin, client);
    assert.ok(life > twoDays - 60 && life <= twoDays, `${life} s`);
  });

  test("where the client may not ask for offline access the capped token has to do", async (t) => {
    const admin = await realmFor(t, connection());
    const client = await addClient(admin, "RS256", attributes);
    const id = (await admin.get(`/clients?clientId=${client.clientId}`, ids))[0]?.id;
    const scopes = z.array(z.looseObject({ id: z.string(), name: z.string() }));
    const optional = await admin.get(`/clients/${id}/optional-client-scopes`, scopes);
    const offline = optional.find(({ name }) => name === "offline_access");
    await admin.delete(`/clients/${id}/optional-client-scopes/${offline?.id}`);
    const life = await longLived(admin, client);
    assert.ok(life > tenHours - 60 && life <= tenHours, `${life} s`);
  });

  test("the role of offline access is not asked for, since no refresh token is given", async (t) => {
    const admin = await realmFor(t, connection());
    const role = await admin.get("/roles/offline_access", z.looseObject({ id: z.string() }));
    const defaults = `/${admin.realmName}/roles/default-roles-${admin.realmName}/composites`;
    await call(connection(), "DELETE", defaults, [role]);
    const life = await longLived(admin, await addClient(admin, "RS256", attributes));
    assert.ok(life > twoDays - 60 && life <= twoDays, `${life} s`);
  });
}

/** What planned rotations need of a real Keycloak. */
export function plannedScenarios(connection: () => KeycloakConnection): void {
  suite("planned rotations", () => planning(connection));
  suite("rollbacks", () => takingBack(connection));
  suite("deriving the overlap", () => overlapping(connection));
  suite("long-lived tokens", () => minting(connection));
}

/** What a green verification marks on the keys that are dead. */
async function closeDeaths(admin: KeycloakAdmin, rotation: number): Promise<void> {
  for (const key of openKeys(await listSigningKeys(admin)))
    await updateKeyComponent(admin, key.componentId, { marks: closedDeath(key, "proven", rotation) });
}
