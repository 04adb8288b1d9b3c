import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  freezeKeycloak,
  frozenClients,
  refusesFreeze,
  thawKeycloak,
} from "#operations/keycloak/freeze-keycloak";
import type { KeycloakAdmin } from "#operations/keycloak/keycloak-admin";
import { type RealRealm, realRealms } from "../real-realm.ts";

const makeRealm = realRealms();
const clientIds = ["security-admin-console", "admin-cli"];
const quiet = () => undefined;

/** Every client of the realm, as Keycloak tells it. */
async function everyClient({ lab, realm }: RealRealm): Promise<string> {
  return JSON.stringify(await lab.get(`/${realm.name}/clients?max=1000`));
}

async function isEnabled({ lab, realm }: RealRealm, clientId: string): Promise<boolean> {
  return (await lab.client(realm.name, clientId)).enabled;
}

async function frozenIds(admin: KeycloakAdmin): Promise<string[]> {
  return (await frozenClients(admin)).map(({ clientId }) => clientId);
}

async function outcomes(admin: KeycloakAdmin): Promise<string[]> {
  return (await freezeKeycloak(admin, quiet)).clients.map(
    ({ clientId, outcome }) => `${clientId} ${outcome}`,
  );
}

/** The token of a realm administrator who works on the command line, and what the Admin REST API says to it. */
async function adminAtWork({ lab, realm }: RealRealm): Promise<() => Promise<number>> {
  const [management] = (await lab.get(`/${realm.name}/clients?clientId=realm-management`)) as {
    id: string;
  }[];
  const role = await lab.get(`/${realm.name}/clients/${management?.id}/roles/realm-admin`);
  const [user] = (await lab.get(`/${realm.name}/users?username=alice`)) as { id: string }[];
  await lab.send("POST", `/${realm.name}/users/${user?.id}/role-mappings/clients/${management?.id}`, [role]);
  const { username, password } = realm.user;
  const { access_token: token } = await lab.login(realm.name, { clientId: "admin-cli" }, username, password);
  const url = `${realm.issuer.replace("/realms/", "/admin/realms/")}/users`;
  return async () => (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status;
}

suite("freezeKeycloak", () => {
  test("a frozen realm refuses its administrators' tokens and logins, and is byte for byte as before after the thaw", async (t) => {
    const real = await makeRealm(t);
    const ask = await adminAtWork(real);
    const before = await everyClient(real);
    assert.equal(await ask(), 200);
    assert.deepEqual(
      await outcomes(real.admin),
      clientIds.map((id) => `${id} frozen`),
    );
    assert.equal(await ask(), 401);
    const { username, password } = real.realm.user;
    await assert.rejects(real.lab.login(real.realm.name, { clientId: "admin-cli" }, username, password));
    assert.deepEqual((await thawKeycloak(real.admin, quiet)).clients, clientIds);
    assert.equal(await ask(), 200);
    assert.equal(await everyClient(real), before);
  });

  test("both ways can be repeated, and what is frozen can be read without changing it", async (t) => {
    const real = await makeRealm(t);
    const before = await everyClient(real);
    assert.deepEqual(await frozenIds(real.admin), []);
    await outcomes(real.admin);
    assert.deepEqual(
      await outcomes(real.admin),
      clientIds.map((id) => `${id} already-frozen`),
    );
    assert.deepEqual(await frozenIds(real.admin), clientIds);
    await thawKeycloak(real.admin, quiet);
    assert.deepEqual((await thawKeycloak(real.admin, quiet)).clients, []);
    assert.equal(await everyClient(real), before);
  });

  test("a client that somebody had disabled before stays disabled after the thaw", async (t) => {
    const real = await makeRealm(t);
    const { id } = await real.lab.client(real.realm.name, "admin-cli");
    await real.lab.setClient(real.realm.name, id, { enabled: false });
    const before = await everyClient(real);
    assert.deepEqual(await outcomes(real.admin), ["security-admin-console frozen", "admin-cli was-disabled"]);
    assert.deepEqual((await thawKeycloak(real.admin, quiet)).clients, ["security-admin-console"]);
    assert.equal(await everyClient(real), before);
  });

  test("a client that is not there is absent, and the other one is frozen", async (t) => {
    const real = await makeRealm(t);
    const { id } = await real.lab.client(real.realm.name, "admin-cli");
    // Keycloak lets nobody delete it.
    await real.lab.setClient(real.realm.name, id, { clientId: "renamed" });
    assert.deepEqual(await outcomes(real.admin), ["security-admin-console frozen", "admin-cli absent"]);
  });

  test("a freeze that crashed between the two clients is completed by the next, and a thaw undoes it", async (t) => {
    const real = await makeRealm(t);
    const before = await everyClient(real);
    // A line is said when the first client is frozen: the process dies there.
    const crash = () => {
      throw new Error("killed");
    };
    await assert.rejects(freezeKeycloak(real.admin, crash), /killed/);
    assert.deepEqual(await frozenIds(real.admin), ["security-admin-console"]);
    assert.deepEqual(await outcomes(real.admin), [
      "security-admin-console already-frozen",
      "admin-cli frozen",
    ]);
    await assert.rejects(thawKeycloak(real.admin, crash), /killed/);
    assert.deepEqual(await frozenIds(real.admin), ["admin-cli"]);
    await thawKeycloak(real.admin, quiet);
    assert.equal(await everyClient(real), before);
  });

  test("a client that somebody enabled while it was frozen is frozen again, and the thaw takes its mark", async (t) => {
    const real = await makeRealm(t);
    const before = await everyClient(real);
    await outcomes(real.admin);
    const { id } = await real.lab.client(real.realm.name, "admin-cli");
    await real.lab.setClient(real.realm.name, id, { enabled: true });
    assert.deepEqual(await outcomes(real.admin), [
      "security-admin-console already-frozen",
      "admin-cli frozen",
    ]);
    assert.equal(await isEnabled(real, "admin-cli"), false);
    await real.lab.setClient(real.realm.name, id, { enabled: true });
    await thawKeycloak(real.admin, quiet);
    assert.equal(await everyClient(real), before);
  });
});

suite("refusesFreeze", () => {
  test("a login with a client that would be disabled in that very realm is named, any other is no problem", () => {
    assert.match(refusesFreeze({ realm: "shop", clientId: "admin-cli" }, "shop") ?? "", /disable admin-cli/);
    assert.equal(refusesFreeze({ realm: "master", clientId: "admin-cli" }, "shop"), undefined);
    assert.equal(refusesFreeze({ realm: "shop", clientId: "pulumi" }, "shop"), undefined);
  });
});
