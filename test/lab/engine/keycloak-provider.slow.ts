import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { type TestContext, test } from "node:test";
import { KeycloakAdmin } from "../../../scripts/lab/engine/providers/keycloak/admin-client.ts";
import { World } from "./world.ts";

const {
  LAB_KEYCLOAK_URL: url,
  LAB_KEYCLOAK_ADMIN_CLIENT_ID: clientId = "",
  LAB_KEYCLOAK_ADMIN_CLIENT_SECRET: clientSecret = "",
} = process.env;
const skip = url === undefined ? "no lab Keycloak" : false;

function admin(): KeycloakAdmin {
  const login = { clientId, clientSecret, username: undefined, password: undefined };
  return new KeycloakAdmin({ url: url ?? "", basePath: "", realm: "master", ...login });
}

async function openRealm(context: TestContext) {
  const realm = `engine-${randomUUID().slice(0, 8)}`;
  const world = await World.open(context, "keycloak");
  const keycloak = admin();
  context.after(() => keycloak.remove(`/${realm}`));
  const connection = { "keycloak:url": url, "keycloak:clientId": clientId };
  await world.stack.setConfig({ ...connection, realm }, { "keycloak:clientSecret": clientSecret });
  return { world, realm, keycloak };
}

async function claimsOf(realm: string, secret: string): Promise<Record<string, unknown>> {
  const form = { grant_type: "client_credentials", client_id: "probe", client_secret: secret };
  const body = new URLSearchParams(form);
  const answer = await fetch(`${url}/realms/${realm}/protocol/openid-connect/token`, {
    method: "POST",
    body,
  });
  const { access_token: token } = (await answer.json()) as { access_token: string };
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as Record<
    string,
    unknown
  >;
}

test("realm, client, role and audience are made, and their tokens show it", { skip }, async (context) => {
  const { world, realm, keycloak } = await openRealm(context);
  const { exitCode, output } = await world.stack.up();
  assert.equal(exitCode, 0, output);
  const { clientSecret: secret, internalId } = await world.stack.outputs({ showSecrets: true });
  assert.equal(internalId, realm, "the provider makes realms whose id is their name");
  assert.equal((await world.stack.outputs()).clientSecret, "[secret]");
  const claims = await claimsOf(realm, String(secret));
  assert.ok([claims.aud].flat().includes("orders-api"));
  assert.equal(Number(claims.exp) - Number(claims.iat), 36_000);
  assert.ok((claims.realm_access as { roles: string[] }).roles.includes("offline_access"));

  const again = await world.stack.preview(["--expect-no-changes"]);
  assert.equal(again.exitCode, 0, again.output);
  const refreshed = await world.stack.refresh(["--expect-no-changes"]);
  assert.equal(refreshed.exitCode, 0, refreshed.output);
  assert.equal((await world.stack.destroy()).exitCode, 0);
  assert.equal(await keycloak.find(`/${realm}`), undefined);
});

test("everything works in a realm whose id is not its name", { skip }, async (context) => {
  const { world, realm, keycloak } = await openRealm(context);
  await keycloak.post("", { realm, enabled: true });
  assert.notEqual((await keycloak.get(`/${realm}`)).id, realm);
  await world.stack.setConfig({ makeRealm: false });
  assert.equal((await world.stack.up()).exitCode, 0);
  const before = await world.stack.outputs({ showSecrets: true });

  await world.stack.setConfig({ lifespan: "1800", audience: "billing-api" });
  const { exitCode, output } = await world.stack.up();
  assert.equal(exitCode, 0, output);
  assert.deepEqual(await world.stack.outputs({ showSecrets: true }), before, "updated in place");
  const claims = await claimsOf(realm, String(before.clientSecret));
  assert.ok([claims.aud].flat().includes("billing-api"));
  assert.equal(Number(claims.exp) - Number(claims.iat), 1800);
});

test("a client that was removed in the console is made again after a refresh", { skip }, async (context) => {
  const { world, realm, keycloak } = await openRealm(context);
  await world.stack.up();
  const { clientUuid } = await world.stack.outputs();
  await keycloak.remove(`/${realm}/clients/${clientUuid}`);
  assert.equal((await world.stack.refresh()).exitCode, 0);
  const { exitCode, output } = await world.stack.up();
  assert.equal(exitCode, 0, output);
  assert.notEqual((await world.stack.outputs()).clientUuid, clientUuid);
});

test("a wrong secret fails the up with Keycloak's own words, and is not shown", {
  skip,
}, async (context) => {
  const { world } = await openRealm(context);
  await world.stack.setConfig({}, { "keycloak:clientSecret": "certainly-not-it" });
  const { exitCode, output } = await world.stack.up();
  assert.equal(exitCode, 1);
  assert.match(output, /error logging in to Keycloak: status 401: .*(invalid|unauthorized)_client/);
  assert.doesNotMatch(output, /certainly-not-it/);
});
