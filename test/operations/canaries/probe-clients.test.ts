import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import { decodeJwt } from "jose";
import { z } from "zod";
import { ensureProbeClients, findProbeClients, removeProbeClients } from "#operations/canaries/probe-clients";
import { mintLongLivedToken, mintToken } from "#operations/canaries/tokens";
import { discover } from "#operations/keycloak/jwks";
import type { KeycloakAdmin } from "#operations/keycloak/keycloak-admin";
import { realRealms } from "../real-realm.ts";

const realmFor = realRealms();
const identity = {
  algorithms: ["RS256"],
  audience: ["shop-api"],
  realmRoles: ["api-user"],
  clockSkewSeconds: 60,
};

async function prepared(t: TestContext): Promise<KeycloakAdmin> {
  const { admin } = await realmFor(t);
  await admin.post("/roles", { name: "api-user" });
  return admin;
}

async function clientsOf(admin: KeycloakAdmin) {
  const shape = z.array(
    z.looseObject({ id: z.string(), clientId: z.string(), secret: z.string().optional() }),
  );
  const clients = await admin.get("/clients?clientId=jwks-break-glass-probe-&search=true", shape);
  return clients.toSorted((a, b) => a.clientId.localeCompare(b.clientId));
}

async function claimsOf(admin: KeycloakAdmin) {
  const { tokenEndpoint } = await discover(admin);
  const { clients, expired } = await ensureProbeClients(admin, identity);
  const [client] = clients;
  if (!client) return assert.fail("no client");
  const { token } = await mintLongLivedToken(admin, tokenEndpoint, client);
  const short = decodeJwt((await mintToken(admin, tokenEndpoint, expired)).token);
  const claims = decodeJwt<{ realm_access?: { roles: string[] } }>(token);
  return {
    audience: [claims.aud ?? []].flat(),
    roles: claims.realm_access?.roles ?? [],
    shortLife: (short.exp ?? 0) - (short.iat ?? 0),
  };
}

suite("the probe clients, on a real Keycloak", () => {
  test("mint tokens with the audience and the roles that the API demands, and one that has expired by more than the clock skew", async (t) => {
    const { audience, roles, shortLife } = await claimsOf(await prepared(t));
    assert.ok(audience.includes("shop-api"));
    assert.ok(roles.includes("api-user"));
    assert.equal(shortLife, -62);
  });

  test("that are there are taken over as they are, such as after a lost state", async (t) => {
    const admin = await prepared(t);
    const first = await ensureProbeClients(admin, identity);
    assert.deepEqual(await ensureProbeClients(admin, identity), first);
    assert.deepEqual(
      (await clientsOf(admin)).map(({ clientId }) => clientId),
      ["jwks-break-glass-probe-expired", "jwks-break-glass-probe-rs256"],
    );
  });

  test("that somebody has deleted, disabled, changed or given another secret mint again", async (t) => {
    const admin = await prepared(t);
    await ensureProbeClients(admin, identity);
    const [expired, client] = await clientsOf(admin);
    if (!expired || !client) return assert.fail("no clients");
    await admin.delete(`/clients/${expired.id}`);
    await admin.post(`/clients/${client.id}/client-secret`, {});
    await admin.put(`/clients/${client.id}`, { ...client, enabled: false, serviceAccountsEnabled: false });
    const { audience, roles, shortLife } = await claimsOf(admin);
    assert.deepEqual(
      [audience.includes("shop-api"), roles.includes("api-user"), shortLife],
      [true, true, -62],
    );
  });

  test("lose an audience that the config no longer has", async (t) => {
    const admin = await prepared(t);
    await ensureProbeClients(admin, { ...identity, audience: ["old-api", "shop-api"] });
    const { audience } = await claimsOf(admin);
    assert.deepEqual([audience.includes("old-api"), audience.includes("shop-api")], [false, true]);
  });

  test("are found without a change, and one that is missing is left out", async (t) => {
    const admin = await prepared(t);
    const { clients } = await ensureProbeClients(admin, identity);
    assert.deepEqual(await findProbeClients(admin, ["RS256", "ES256"]), clients);
  });

  test("are removed, and removing them again is no error", async (t) => {
    const admin = await prepared(t);
    await ensureProbeClients(admin, identity);
    await removeProbeClients(admin);
    await removeProbeClients(admin);
    assert.deepEqual(await clientsOf(admin), []);
  });

  test("can't be made with a role that the realm does not have, and the role is named", async (t) => {
    const { admin } = await realmFor(t);
    await assert.rejects(ensureProbeClients(admin, identity), {
      code: "ROLE_NOT_FOUND",
      message: /api-user/,
    });
  });
});
