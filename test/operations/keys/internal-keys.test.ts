import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { suite, type TestContext, test } from "node:test";
import { base64url, decodeJwt, SignJWT } from "jose";
import { discover, readJwks } from "#operations/keycloak/jwks";
import { costOf, internalKeyKinds, rotateInternalKeys } from "#operations/keys/internal-keys";
import { highestRotation, publishKey } from "#operations/keys/publish-key";
import {
  listKeyComponents,
  listSigningKeys,
  rotationOf,
  updateKeyComponent,
} from "#operations/keys/realm-keys";
import type { LabKeys } from "../../../scripts/lab/keycloak-realms.ts";
import { type RealRealm, realRealms } from "../real-realm.ts";
import { logins } from "../real-sessions.ts";

const makeRealm = realRealms();
const quiet = () => undefined;
const everyKind = { rotation: 3, kinds: internalKeyKinds };
type LabKey = LabKeys["keys"][number];

/** The realm's keys that are not disabled, by algorithm, of those that no verifier sees. */
async function enabledInternal({ lab, realm }: RealRealm): Promise<LabKey[]> {
  const { keys } = await lab.keys(realm.name);
  return keys.filter(({ status, type, use }) => status !== "DISABLED" && (type === "OCT" || use === "ENC"));
}

async function enabledNames(real: RealRealm): Promise<string[]> {
  const components = await real.lab.keyComponents(real.realm.name);
  const enabled = (await enabledInternal(real)).map(({ providerId }) => providerId);
  return components.filter(({ id }) => enabled.includes(id)).map(({ name }) => name);
}

async function componentNamed({ lab, realm }: RealRealm, name: string) {
  const found = (await lab.keyComponents(realm.name)).find((one) => one.name === name);
  assert.ok(found, name);
  return found;
}

/** An HMAC key whose secret somebody has read in the database; gives what signs with it. */
async function addLeakedKey({ lab, realm }: RealRealm, algorithm: string) {
  const secret = randomBytes(64);
  const config = { algorithm, secret: base64url.encode(secret), kid: "leaked", priority: "50" };
  await lab.createKey(realm.name, "hmac-of-old", "hmac-generated", config);
  return (token: string) =>
    new SignJWT(decodeJwt(token))
      .setProtectedHeader({ alg: algorithm, typ: "JWT", kid: "leaked" })
      .sign(secret);
}

suite("rotateInternalKeys", () => {
  test("each kind gets one new key, active and above the others, and every other key of the kind is disabled", async (t) => {
    const real = await makeRealm(t);
    const before = await enabledInternal(real);
    const lines: string[] = [];
    const results = await rotateInternalKeys(real.admin, everyKind, (line) => lines.push(line));
    const names = ["HS512", "AES", "RSA-OAEP"].map((algorithm) => `jwks-break-glass-r3-${algorithm}`);
    assert.deepEqual(
      results.map(({ kind, componentName }) => [kind, componentName]),
      internalKeyKinds.map((kind, index) => [kind, names[index]]),
    );
    assert.deepEqual((await enabledNames(real)).toSorted(), names.toSorted());
    const { active, keys } = await real.lab.keys(real.realm.name);
    for (const { kid, activatedAt, disabled } of results) {
      const own = keys.find((key) => key.kid === kid);
      const others = keys.filter((key) => key.algorithm === own?.algorithm && key.kid !== kid);
      assert.equal(active[own?.algorithm ?? ""], kid);
      assert.ok(others.every((other) => (own?.providerPriority ?? 0) > other.providerPriority));
      assert.deepEqual(
        disabled.map((one) => one.kid),
        others.map((one) => one.kid),
      );
      assert.ok(disabled.every(({ disabledAt }) => activatedAt <= disabledAt));
    }
    assert.equal(results.flatMap(({ disabled }) => disabled).length, before.length);
    assert.equal(lines.length, 6);
  });

  test("a kind that is not listed is left alone", async (t) => {
    const real = await makeRealm(t);
    await rotateInternalKeys(real.admin, { rotation: 1, kinds: ["aes"] }, quiet);
    const names = ["hmac-generated-hs512", "jwks-break-glass-r1-AES", "rsa-enc-generated"];
    assert.deepEqual((await enabledNames(real)).toSorted(), names);
  });

  test("a second run changes nothing, and the next rotation replaces the keys of this one", async (t) => {
    const real = await makeRealm(t);
    const first = await rotateInternalKeys(real.admin, everyKind, quiet);
    const before = await real.lab.keyComponents(real.realm.name);
    const again = await rotateInternalKeys(real.admin, everyKind, quiet);
    assert.deepEqual(await real.lab.keyComponents(real.realm.name), before);
    assert.deepEqual(
      again.map(({ kid, disabled }) => [kid, disabled]),
      first.map(({ kid }) => [kid, []]),
    );
    const next = await rotateInternalKeys(real.admin, { ...everyKind, rotation: 4 }, quiet);
    assert.deepEqual(
      next.map(({ disabled }) => disabled.map(({ kid }) => kid)),
      first.map(({ kid }) => [kid]),
    );
  });

  test("a new key is as large as its predecessor, and above one with any priority", async (t) => {
    const real = await makeRealm(t);
    const { name } = real.realm;
    await real.lab.createKey(name, "aes-256", "aes-generated", { secretSize: "32", priority: "5000" });
    await real.lab.createKey(name, "hmac-128", "hmac-generated", {
      algorithm: "HS512",
      secretSize: "128",
      priority: "7000",
    });
    await real.lab.createKey(name, "enc-3072", "rsa-enc-generated", {
      algorithm: "RSA-OAEP",
      keySize: "3072",
      priority: "9000",
    });
    await rotateInternalKeys(real.admin, everyKind, quiet);
    const sizes = ["AES", "HS512", "RSA-OAEP"].map(async (algorithm) => {
      const { config } = await componentNamed(real, `jwks-break-glass-r3-${algorithm}`);
      return [config.secretSize?.[0] ?? config.keySize?.[0], config.priority?.[0]];
    });
    assert.deepEqual(await Promise.all(sizes), [
      ["32", "5001"],
      ["128", "7001"],
      ["3072", "9001"],
    ]);
    assert.equal((await enabledNames(real)).length, 3);
  });

  test("a priority that can't be exceeded is PRIORITY_EXHAUSTED, and nothing is disabled", async (t) => {
    const real = await makeRealm(t);
    const highest = String(Number.MAX_SAFE_INTEGER);
    await real.lab.createKey(real.realm.name, "top", "aes-generated", { priority: highest });
    const rotating = rotateInternalKeys(real.admin, { rotation: 1, kinds: ["aes"] }, quiet);
    await assert.rejects(rotating, { code: "PRIORITY_EXHAUSTED" });
    assert.ok((await enabledNames(real)).includes("aes-generated"));
  });
});

suite("rotateInternalKeys after a crash", () => {
  for (const [when, change] of [
    ["a key was made", { active: "false", priority: "0" }],
    ["it became the active one", { active: "true", priority: "101" }],
  ] as const) {
    test(`it converges after a run was killed when ${when}, and the realm always has a key`, async (t) => {
      const real = await makeRealm(t);
      const name = "jwks-break-glass-r3-HS512";
      const config = { algorithm: "HS512", enabled: "true", ...change };
      const id = await real.lab.createKey(real.realm.name, name, "hmac-generated", config);
      const watch = new ActiveKeys(t, real);
      const [result] = await rotateInternalKeys(real.admin, { rotation: 3, kinds: ["hmac"] }, watch.look);
      const { keys } = await real.lab.keys(real.realm.name);
      assert.equal(keys.find(({ providerId }) => providerId === id)?.kid, result?.kid);
      assert.deepEqual(
        result?.disabled.map(({ componentName }) => componentName),
        ["hmac-generated-hs512"],
      );
      assert.ok((await watch.seen()).every((kid) => kid !== undefined));
      assert.ok(!(await enabledNames(real)).some((one) => one.startsWith("fallback-")));
    });
  }

  test("it disables the rest where a run was killed half-way through the others", async (t) => {
    const real = await makeRealm(t);
    await real.lab.createKey(real.realm.name, "second", "hmac-generated", { algorithm: "HS512" });
    await rotateInternalKeys(real.admin, { rotation: 3, kinds: ["hmac"] }, quiet);
    const { id } = await componentNamed(real, "second");
    await real.lab.setKey(real.realm.name, id, { enabled: "true" });
    const [result] = await rotateInternalKeys(real.admin, { rotation: 3, kinds: ["hmac"] }, quiet);
    assert.deepEqual(
      result?.disabled.map(({ componentName }) => componentName),
      ["second"],
    );
  });

  for (const [what, providerId, config] of [
    ["was disabled", "hmac-generated", { algorithm: "HS512", enabled: "false" }],
    ["is a key of another type", "rsa-generated", { algorithm: "RS256", active: "false" }],
  ] as const) {
    test(`a key of that name that ${what} is KEY_NAME_TAKEN, and no key of any kind has changed`, async (t) => {
      const real = await makeRealm(t);
      await real.lab.createKey(real.realm.name, "jwks-break-glass-r3-HS512", providerId, { ...config });
      const before = await real.lab.keys(real.realm.name);
      const rotating = rotateInternalKeys(real.admin, everyKind, quiet);
      await assert.rejects(rotating, { code: "KEY_NAME_TAKEN", message: /bump rotation/ });
      assert.deepEqual(await real.lab.keys(real.realm.name), before);
    });
  }
});

/** Looks at which HMAC key is active whenever the program tells of a change. */
class ActiveKeys {
  readonly #real: RealRealm;
  readonly #looks: Promise<string | undefined>[] = [];

  constructor(t: TestContext, real: RealRealm) {
    this.#real = real;
    t.after(() => Promise.allSettled(this.#looks));
  }

  readonly look = (): void => {
    this.#looks.push(this.#real.lab.keys(this.#real.realm.name).then(({ active }) => active.HS512));
  };

  seen(): Promise<(string | undefined)[]> {
    return Promise.all(this.#looks);
  }
}

suite("what the rotation of internal keys costs", () => {
  test("stolen refresh and offline tokens survive new RS256, AES and RSA-OAEP keys, and are rejected after the HMAC key is rotated", async (t) => {
    const real = await makeRealm(t);
    const { login, isAlive } = await logins(real, ["bob"]);
    const stolen = [await login("bob"), await login("bob", "openid offline_access")];
    const { componentId } = await publishKey(real.admin, { rotation: 1 }, "RS256");
    await updateKeyComponent(real.admin, componentId, { active: true, priority: 101 });
    for (const { componentId: old } of await listSigningKeys(real.admin)) {
      if (old !== componentId) await updateKeyComponent(real.admin, old, { enabled: false });
    }
    await rotateInternalKeys(real.admin, { rotation: 1, kinds: ["aes", "rsa-oaep"] }, quiet);
    assert.deepEqual(await Promise.all(stolen.map(isAlive)), [true, true]);
    await rotateInternalKeys(real.admin, { rotation: 1, kinds: ["hmac"] }, quiet);
    assert.deepEqual(await Promise.all(stolen.map(isAlive)), [false, false]);
    assert.equal(await isAlive(await login("bob")), true);
  });

  test("a refresh token that is forged with a leaked HS256 key of an old realm is rejected, too", async (t) => {
    const real = await makeRealm(t);
    const forge = await addLeakedKey(real, "HS256");
    const { login, isAlive } = await logins(real, ["bob"]);
    const forged = async (scope: string) => {
      const session = await login("bob", scope);
      return { ...session, refresh_token: await forge(session.refresh_token) };
    };
    const before = [await forged("openid"), await forged("openid offline_access")];
    assert.deepEqual(await Promise.all(before.map(isAlive)), [true, true]);
    const results = await rotateInternalKeys(real.admin, { rotation: 1, kinds: ["hmac"] }, quiet);
    assert.deepEqual(
      results.map(({ componentName, disabled }) => [componentName, disabled.map((one) => one.componentName)]),
      [
        ["jwks-break-glass-r1-HS512", ["hmac-generated-hs512"]],
        ["jwks-break-glass-r1-HS256", ["hmac-of-old"]],
      ],
    );
    const after = [await forged("openid"), await forged("openid offline_access")];
    assert.deepEqual(await Promise.all([...before, ...after].map(isAlive)), [false, false, false, false]);
  });

  test("client registration tokens are rejected after the HMAC key is rotated, and issued access tokens still work", async (t) => {
    const real = await makeRealm(t);
    const { lab, realm } = real;
    const { login } = await logins(real, ["bob"]);
    const { access_token } = await login("bob");
    const made = await lab.send("POST", `/${realm.name}/clients-initial-access`, {
      count: 2,
      expiration: 60,
    });
    const { token } = made as { token: string };
    const register = async () => {
      const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
      const body = JSON.stringify({ redirect_uris: ["https://app.example/"] });
      const url = `${realm.issuer}/clients-registrations/openid-connect`;
      return (await fetch(url, { method: "POST", headers, body })).status;
    };
    assert.equal(await register(), 201);
    await rotateInternalKeys(real.admin, { rotation: 1, kinds: ["hmac"] }, quiet);
    assert.equal(await register(), 401);
    const userinfo = `${realm.issuer}/protocol/openid-connect/userinfo`;
    const headers = { authorization: `Bearer ${access_token}` };
    assert.equal((await fetch(userinfo, { headers })).status, 200);
  });

  test("the JWKS shows the new encryption key instead of the old one", async (t) => {
    const real = await makeRealm(t);
    const [result] = await rotateInternalKeys(real.admin, { rotation: 1, kinds: ["rsa-oaep"] }, quiet);
    const { keys } = await readJwks(real.admin, (await discover(real.admin)).jwksUri);
    assert.deepEqual(
      keys.filter(({ use }) => use === "enc").map(({ kid }) => kid),
      [result?.kid],
    );
  });

  test("a preview states the cost in one sentence for each kind", () => {
    assert.match(costOf("hmac"), /HS512 key: .*everyone logs in again$/);
    assert.match(costOf("aes"), /AES key: nobody is logged out/);
    assert.match(costOf("rsa-oaep"), /RSA-OAEP key: nobody is logged out/);
  });
});

suite("signing keys and our own internal keys", () => {
  test("the keys that verifiers use are distinguished from internal ones, and the rotation is the same", async (t) => {
    const { admin } = await makeRealm(t);
    const before = await listSigningKeys(admin);
    await rotateInternalKeys(admin, everyKind, quiet);
    assert.deepEqual(await listSigningKeys(admin), before);
    const names = (await listKeyComponents(admin)).map(({ name }) => name);
    assert.deepEqual([...new Set(names.flatMap((name) => rotationOf(name) ?? []))], [3]);
    assert.equal(highestRotation(await listKeyComponents(admin)), 3);
    assert.equal((await publishKey(admin, { rotation: 3 }, "RS256")).name, "jwks-break-glass-r3-RS256");
    await assert.rejects(publishKey(admin, { rotation: 2 }, "RS256"), { code: "ROTATION_WENT_BACK" });
  });
});
