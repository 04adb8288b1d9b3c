import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { decodeJwt } from "jose";
import { type LabKeycloak, startKeycloak } from "../../scripts/lab/keycloak.ts";
import { LabAdmin, type LabRealm } from "../../scripts/lab/keycloak-realms.ts";

describe("the lab's Keycloak", () => {
  let keycloak: LabKeycloak | undefined;
  let admin: LabAdmin;
  let realm: LabRealm;

  before(async () => {
    keycloak = await startKeycloak();
    admin = new LabAdmin(keycloak);
    realm = await admin.createRealm();
  });
  after(async () => {
    if (realm) await admin.deleteRealm(realm.name);
    await keycloak?.stop();
  });

  test("a realm has an id that is not its name, and the default keys only", async () => {
    assert.notEqual(realm.id, realm.name);
    const components = await admin.keyComponents(realm.name);
    assert.deepEqual(components.map(({ name }) => name).toSorted(), [
      "aes-generated",
      "hmac-generated-hs512",
      "rsa-enc-generated",
      "rsa-generated",
    ]);
    assert.deepEqual([...new Set(components.map(({ parentId }) => parentId))], [realm.id]);
  });

  test("the only signing key that verifiers see is the unmanaged RS256 key", async () => {
    const [key, ...others] = await admin.signingKeys(realm.name);
    assert.deepEqual(others, []);
    assert.equal(key?.algorithm, "RS256");
    assert.equal(key?.status, "ACTIVE");
    assert.deepEqual(await admin.publishedKids(realm.name), [key?.kid]);
  });

  test("a user's token has a session and the admin role, a client's own has neither", async () => {
    const client = await admin.createClient(realm.name, "minter");
    const ofUser = decodeJwt(await admin.mint(realm.name, { ...client, ...realm.user }));
    assert.equal(ofUser.iss, realm.issuer);
    assert.equal(typeof ofUser.sid, "string");
    assert.ok((ofUser.realm_access as { roles: string[] }).roles.includes(realm.adminRole));
    const ofClient = decodeJwt(await admin.mint(realm.name, client));
    assert.equal(ofClient.sid, undefined);
    assert.equal(typeof ofClient.jti, "string");
  });

  test("a key is published only while it is enabled", async () => {
    const before = await admin.publishedKids(realm.name);
    const id = await admin.createKey(realm.name, "second", "rsa-generated", { priority: "50" });
    const key = (await admin.signingKeys(realm.name)).find(({ providerId }) => providerId === id);
    assert.deepEqual(new Set(await admin.publishedKids(realm.name)), new Set([...before, key?.kid]));
    await admin.setKey(realm.name, id, { enabled: "false", active: "false" });
    assert.deepEqual(await admin.publishedKids(realm.name), before);
    await admin.deleteKey(realm.name, id);
    assert.equal((await admin.keyComponents(realm.name)).length, 4);
  });

  test("a refusal is thrown with Keycloak's own answer", async () => {
    await assert.rejects(admin.get("/no-such-realm"), /GET \/admin\/realms\/no-such-realm: 404/);
    const wrong = { clientId: "minter", clientSecret: "wrong" };
    await assert.rejects(admin.mint(realm.name, wrong), /401 .*unauthorized_client/);
  });
});
