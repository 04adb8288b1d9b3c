import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { z } from "zod";
import type { ProbeClient } from "#operations/canaries/tokens";
import type { KeycloakConnection } from "#operations/keycloak/connection";
import { KeycloakAdmin } from "#operations/keycloak/keycloak-admin";
import { readRealm } from "#operations/keys/realm-keys";

const keyProvider = "org.keycloak.keys.KeyProvider";
/** A realm of its own for a test, whose id is not its name; it is deleted after the test. */
export async function realmFor(t: TestContext, connection: KeycloakConnection): Promise<KeycloakAdmin> {
  const name = `ops-${crypto.randomUUID().slice(0, 8)}`;
  await call(connection, "POST", "", { realm: name, id: crypto.randomUUID(), enabled: true });
  t.after(() => call(connection, "DELETE", `/${name}`));
  return new KeycloakAdmin(connection, name);
}

/** Calls the Admin REST API beside the program, as a person with the console would. */
export async function call(
  connection: KeycloakConnection,
  method: string,
  path: string,
  body?: object,
): Promise<void> {
  const { url, basePath, realm, clientId, clientSecret = "" } = connection;
  const form = { grant_type: "client_credentials", client_id: clientId, client_secret: clientSecret };
  const login = await fetch(`${url}${basePath}/realms/${realm}/protocol/openid-connect/token`, {
    method: "POST",
    body: new URLSearchParams(form),
  });
  const { access_token } = z.object({ access_token: z.string() }).parse(await login.json());
  const headers = { authorization: `Bearer ${access_token}`, "content-type": "application/json" };
  const answer = await fetch(`${url}${basePath}/admin/realms${path}`, {
    method,
    headers,
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  assert.ok(answer.ok, `${method} ${path}: HTTP ${answer.status}`);
}

/** A confidential client whose service account mints tokens. */
export async function addClient(
  admin: KeycloakAdmin,
  algorithm: string,
  more: Record<string, string> = {},
): Promise<ProbeClient> {
  const client = {
    clientId: `probe-${algorithm}`,
    secret: crypto.randomUUID(),
    serviceAccountsEnabled: true,
  };
  const attributes = { "access.token.signed.response.alg": algorithm, ...more };
  await admin.post("/clients", { ...client, attributes, publicClient: false });
  return { algorithm, clientId: client.clientId, clientSecret: client.secret };
}

/** A key that someone made in the console. */
export async function addUnmanaged(
  admin: KeycloakAdmin,
  name: string,
  priority: number,
  active = true,
): Promise<void> {
  const config = {
    priority: [String(priority)],
    enabled: ["true"],
    active: [String(active)],
    algorithm: ["RS256"],
  };
  const parentId = (await readRealm(admin)).id;
  await admin.post("/components", {
    name,
    providerId: "rsa-generated",
    providerType: keyProvider,
    parentId,
    config,
  });
}
