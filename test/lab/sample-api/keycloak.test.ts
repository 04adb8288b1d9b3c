import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeJwt } from "jose";
import { startFleet } from "../../../scripts/lab/fleet.ts";
import { startKeycloak } from "../../../scripts/lab/keycloak.ts";
import { LabAdmin } from "../../../scripts/lab/keycloak-realms.ts";
import { apiRefreshToken, call, probe, refresh } from "./calls.ts";

test("against Keycloak, a disabled key's token is refused after a refresh, and a denied session at once", async () => {
  const keycloak = await startKeycloak();
  // In reverse order, unlike t.after: Keycloak goes last.
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => keycloak.stop());
  const admin = new LabAdmin(keycloak);
  const realm = await admin.createRealm();
  cleanup.defer(() => admin.deleteRealm(realm.name));
  const fleet = await startFleet({ count: 1, issuer: realm.issuer, apiRefreshToken });
  cleanup.defer(() => fleet.stop());
  const [api] = fleet.instances;
  assert.ok(api);
  const [oldKey] = await admin.signingKeys(realm.name);
  assert.ok(oldKey);
  const user = { ...(await admin.createClient(realm.name, "minter")), ...realm.user };
  const canary = await admin.mint(realm.name, user);

  assert.equal((await call(api, "GET", "/api/admin", canary)).status, 200);
  const deny = `/internal/auth/deny-list/${decodeJwt(canary).sid}`;
  assert.equal((await call(api, "PUT", deny, apiRefreshToken)).status, 204);
  assert.equal((await call(api, "GET", "/api/admin", canary)).status, 403);

  await admin.createKey(realm.name, "next", "rsa-generated", { priority: "200" });
  await admin.setKey(realm.name, oldKey.providerId, { enabled: "false", active: "false" });
  assert.equal(await probe(api, canary), 200);
  assert.equal((await refresh(api)).status, 200);
  assert.equal(await probe(api, canary), 401);
  assert.equal(await probe(api, await admin.mint(realm.name, user)), 200);
});
