import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { decodeJwt } from "jose";
import { RotationError } from "#operations/base/errors";
import { removeAdminProbe, withAdminProbe } from "#operations/keycloak/admin-probe";
import { type RealRealm, realRealms } from "../real-realm.ts";
import { partOf } from "../signing-realm.ts";

const makeRealm = realRealms();
const identity = { realmRoles: ["admin"], audience: ["shop-api", "other-api"], algorithm: "RS256" };

/** How many users and clients of ours the realm has. */
async function leftOf({ lab, realm }: RealRealm): Promise<number[]> {
  const users = (await lab.get(`/${realm.name}/users?search=jwks-break-glass`)) as unknown[];
  const clients = (await lab.get(
    `/${realm.name}/clients?search=true&clientId=jwks-break-glass`,
  )) as unknown[];
  return [users.length, clients.length];
}

async function userinfoStatus({ realm }: RealRealm, token: string): Promise<number> {
  const url = `${realm.issuer}/protocol/openid-connect/userinfo`;
  return (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status;
}

suite("withAdminProbe", () => {
  test("its token is of a real session, has the asked roles and audiences and no others, and outlives a short realm lifespan", async (t) => {
    const real = await makeRealm(t, { accessTokenLifespan: 60 });
    const session = await withAdminProbe(real.admin, identity, (login) => login());
    const claims = decodeJwt<{ realm_access: { roles: string[] }; resource_access?: object }>(session.token);
    assert.deepEqual([claims.sid, claims.jti], [session.sid, session.jti]);
    assert.deepEqual(claims.realm_access.roles, ["admin"]);
    assert.equal(claims.resource_access, undefined);
    assert.deepEqual([claims.aud].flat().toSorted(), ["other-api", "shop-api"]);
    assert.equal(partOf(session.token, 0).kid, session.kid);
    assert.ok(Date.parse(session.expiresAt) > Date.now() + 600_000);
  });

  test("while the work goes on it is there; afterwards user, client and session are gone", async (t) => {
    const real = await makeRealm(t);
    const token = await withAdminProbe(real.admin, identity, async (login) => {
      const session = await login();
      assert.deepEqual(await leftOf(real), [1, 1]);
      assert.equal(await userinfoStatus(real, session.token), 200);
      return session.token;
    });
    assert.deepEqual(await leftOf(real), [0, 0]);
    assert.equal(await userinfoStatus(real, token), 401);
  });

  test("work that fails leaves nothing behind, and its error is the one that is told", async (t) => {
    const real = await makeRealm(t);
    const failing = withAdminProbe(real.admin, identity, async (login) => {
      await login();
      throw new Error("the work has failed");
    });
    await assert.rejects(failing, /the work has failed/);
    assert.deepEqual(await leftOf(real), [0, 0]);
  });

  test("where it can't be deleted after the work, ADMIN_PROBE_LEFT says so, and the next run removes it", async (t) => {
    const real = await makeRealm(t);
    const down = new RotationError("KEYCLOAK_UNREACHABLE", "no answer", { nextStep: "wait" });
    const { deleteIfThere } = real.admin;
    real.admin.deleteIfThere = () => Promise.reject(down);
    const message = /jwks-break-glass-admin-probe are still in realm .*KEYCLOAK_UNREACHABLE/;
    const asked = withAdminProbe(real.admin, identity, (login) => login());
    await assert.rejects(asked, { code: "ADMIN_PROBE_LEFT", message });
    assert.deepEqual(await leftOf(real), [1, 1]);
    real.admin.deleteIfThere = deleteIfThere;
    const unknown = withAdminProbe(real.admin, { ...identity, realmRoles: ["no-role"] }, (login) => login());
    await assert.rejects(unknown, { code: "ROLE_NOT_FOUND" });
    assert.deepEqual(await leftOf(real), [0, 0]);
  });

  test("what a killed run has left is replaced by the next, with whatever was put on it since", async (t) => {
    const real = await makeRealm(t);
    const client = await real.lab.createClient(real.realm.name, "jwks-break-glass-admin-probe");
    const username = "jwks-break-glass-admin-probe";
    await real.lab.createUser(real.realm.name, username, {
      password: "known",
      realmRoles: ["offline_access"],
    });
    await withAdminProbe(real.admin, identity, async (login) => {
      await login();
      await assert.rejects(real.lab.login(real.realm.name, client, username, "known"));
    });
    assert.deepEqual(await leftOf(real), [0, 0]);
  });

  test("leftovers can be removed without a run, and where there are none nothing happens", async (t) => {
    const real = await makeRealm(t);
    await real.lab.createClient(real.realm.name, "jwks-break-glass-admin-probe");
    await removeAdminProbe(real.admin);
    await removeAdminProbe(real.admin);
    assert.deepEqual(await leftOf(real), [0, 0]);
  });

  test("a realm role that does not exist is ROLE_NOT_FOUND before anything is made", async (t) => {
    const real = await makeRealm(t);
    let worked = false;
    const asked = withAdminProbe(real.admin, { ...identity, realmRoles: ["admin", "no-role"] }, async () => {
      worked = true;
    });
    await assert.rejects(asked, { code: "ROLE_NOT_FOUND", message: /no-role/ });
    assert.deepEqual([await leftOf(real), worked], [[0, 0], false]);
  });

  test("it logs in under a password policy, a default action, an address as username and a demanding user profile", async (t) => {
    const real = await makeRealm(t);
    const path = `/${real.realm.name}`;
    await real.lab.send("PUT", path, {
      registrationEmailAsUsername: true,
      verifyEmail: true,
      passwordPolicy: "length(12) and upperCase(1) and lowerCase(1) and digits(1) and specialChars(1)",
    });
    const action = { alias: "TERMS_AND_CONDITIONS", providerId: "TERMS_AND_CONDITIONS", name: "Terms" };
    const enabled = { enabled: true, defaultAction: true, priority: 20, config: {} };
    await real.lab.send("PUT", `${path}/authentication/required-actions/TERMS_AND_CONDITIONS`, {
      ...action,
      ...enabled,
    });
    const profile = (await real.lab.get(`${path}/users/profile`)) as { attributes: object[] };
    const permissions = { view: ["admin"], edit: ["admin", "user"] };
    const required = { roles: ["user"] };
    const options = { options: { options: ["staff", "guest"] } };
    profile.attributes.push(
      { name: "department", required, permissions },
      { name: "kind", required, permissions, validations: options },
    );
    await real.lab.send("PUT", `${path}/users/profile`, profile);
    const { sid } = await withAdminProbe(real.admin, identity, (login) => login());
    assert.ok(sid);
    assert.deepEqual(await leftOf(real), [0, 0]);
  });

  test("a realm whose users need no address gives it none", async (t) => {
    const real = await makeRealm(t);
    const path = `/${real.realm.name}/users/profile`;
    const profile = (await real.lab.get(path)) as { attributes: { name: string; required?: object }[] };
    for (const attribute of profile.attributes) delete attribute.required;
    await real.lab.send("PUT", path, profile);
    await withAdminProbe(real.admin, identity, async (login) => {
      await login();
      const [user] = (await real.lab.get(`/${real.realm.name}/users?search=jwks-break-glass`)) as object[];
      assert.ok(user && !("email" in user) && !("firstName" in user));
    });
  });

  test("a realm that lets nobody log in by password is TOKEN_NOT_MINTED, and nothing is left", async (t) => {
    const real = await makeRealm(t);
    const flows = `/${real.realm.name}/authentication/flows`;
    await real.lab.send("POST", `${flows}/direct%20grant/copy`, { newName: "closed" });
    const provider = "deny-access-authenticator";
    await real.lab.send("POST", `${flows}/closed/executions/execution`, { provider });
    const steps = (await real.lab.get(`${flows}/closed/executions`)) as { providerId?: string }[];
    const deny = steps.find(({ providerId }) => providerId === provider);
    await real.lab.send("PUT", `${flows}/closed/executions`, { ...deny, requirement: "REQUIRED" });
    await real.lab.send("PUT", `/${real.realm.name}`, { directGrantFlow: "closed" });
    const asked = withAdminProbe(real.admin, identity, (login) => login());
    await assert.rejects(asked, { code: "TOKEN_NOT_MINTED", message: /direct grant flow/ });
    assert.deepEqual(await leftOf(real), [0, 0]);
  });
});
