import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { decodeJwt } from "jose";
import { RotationError } from "#operations/base/errors";
import { removeAdminProbe, withAdminProbe } from "#operations/keycloak/admin-probe";
import { ellipticRealm } from "../elliptic-realm.ts";
import { type RealRealm, realRealms } from "../real-realm.ts";
import { partOf } from "../signing-realm.ts";

const makeRealm = realRealms();
const elliptic = { realmRoles: ["admin"], audience: ["shop-api"], algorithm: "ES256" };
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

  for (const policy of [
    "length(20) and maxLength(24) and digits(6) and specialChars(5) and upperCase(4) and lowerCase(4)",
    "length(60) and notUsername(undefined) and notEmail(undefined) and passwordHistory(3)",
    "maxLength(12) and regexPattern(^[a-z0-9]{8,12}$)",
    "regexPattern([A-Z][a-z]{5,}[0-9]*) and forceExpiredPasswordChange(365)",
    "digits(20) and hashIterations(1000) and notContainsUsername(undefined)",
  ]) {
    test(`it logs in under the password policy ${policy}`, async (t) => {
      const real = await makeRealm(t, { ...ellipticRealm, passwordPolicy: policy, users: [] });
      assert.ok((await withAdminProbe(real.admin, elliptic, (login) => login())).sid);
    });
  }

  test("it logs in under a user profile whose attributes have patterns, limits and a domain for addresses", async (t) => {
    const real = await makeRealm(t, { ...ellipticRealm, registrationEmailAsUsername: true });
    const path = `/${real.realm.name}/users/profile`;
    const profile = (await real.lab.get(path)) as {
      attributes: { name: string; validations: Record<string, object> }[];
    };
    const more: Record<string, object> = {
      email: { pattern: { pattern: "^[a-z-]+@example\\.com$", "error-message": "ours only" } },
      firstName: { length: { min: 2, max: 6 } },
      lastName: { pattern: { pattern: "^[A-Za-z]+$", "error-message": "letters" } },
    };
    for (const one of profile.attributes) Object.assign(one.validations, more[one.name]);
    const permissions = { view: ["admin"], edit: ["admin", "user"] };
    const required = { roles: ["admin", "user"] };
    const own: Record<string, object> = {
      phone: { pattern: { pattern: "^\\+[0-9]{10,14}$", "error-message": "a number" } },
      age: { integer: { min: 18, max: 99 } },
      site: { uri: {} },
      born: { "iso-date": {} },
      teams: { multivalued: { min: 2, max: 4 } },
    };
    for (const [name, validations] of Object.entries(own)) {
      Object.assign(profile, {
        attributes: [
          ...profile.attributes,
          { name, required, permissions, validations, multivalued: name === "teams" },
        ],
      });
    }
    await real.lab.send("PUT", path, profile);
    const session = await withAdminProbe(real.admin, elliptic, (login) => login());
    assert.ok(session.sid);
    assert.deepEqual(await leftOf(real), [0, 0]);
  });

  for (const [title, settings, message] of [
    ["password policy", { passwordPolicy: "maxLength(6) and digits(9)" }, /invalidPassword|Password/],
    [
      "user profile",
      {},
      /error-person-name-invalid|error-invalid-length: firstName|error-pattern-no-match|impossible/,
    ],
  ] as const) {
    test(`a ${title} that nobody can satisfy is TOKEN_NOT_MINTED with Keycloak's own reason, and nothing is left`, async (t) => {
      const real = await makeRealm(t, { ...ellipticRealm, ...settings, users: [] });
      if (title === "user profile") {
        const path = `/${real.realm.name}/users/profile`;
        const profile = (await real.lab.get(path)) as { attributes: object[] };
        const pattern = { pattern: "(?!)", "error-message": "impossible" };
        const permissions = { view: ["admin"], edit: ["admin"] };
        profile.attributes.push({
          name: "card",
          required: { roles: ["admin", "user"] },
          permissions,
          validations: { pattern },
        });
        await real.lab.send("PUT", path, profile);
      }
      const asked = withAdminProbe(real.admin, identity, (login) => login());
      await assert.rejects(asked, { code: "TOKEN_NOT_MINTED", message });
      assert.deepEqual(await leftOf(real), [0, 0]);
    });
  }

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
