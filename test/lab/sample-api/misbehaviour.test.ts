import assert from "node:assert/strict";
import { createPublicKey, type JsonWebKey } from "node:crypto";
import { after, before, beforeEach, describe, test } from "node:test";
import { SignJWT, UnsecuredJWT } from "jose";
import { request } from "undici";
import type { Fleet, FleetInstance } from "../../../scripts/lab/fleet.ts";
import { apiRefreshToken, call, probe, refresh, refreshPath, startLone } from "./calls.ts";
import { type IssuerKey, issuerKey, startIssuer, type TestIssuer } from "./jwks-server.ts";

describe("a misbehaving instance", () => {
  let issuer: TestIssuer;
  let fleet: Fleet;
  let api: FleetInstance;
  let oldKey: IssuerKey;
  let newKey: IssuerKey;
  let canary: string;

  before(async () => {
    [oldKey, newKey] = await Promise.all([issuerKey("old", "RS256"), issuerKey("new")]);
    issuer = await startIssuer(oldKey);
    ({ fleet, api } = await startLone(issuer.url));
  });
  after(async () => {
    await fleet?.stop();
    await issuer?.stop();
  });
  /** Repaired, trusting the old key alone, which is then no longer published. */
  beforeEach(async () => {
    await api.misbehave("none");
    issuer.published = [oldKey];
    assert.equal((await refresh(api)).status, 200);
    canary = await issuer.mint(oldKey);
    assert.equal(await probe(api, canary), 200);
  });

  /** After a repair, the same refresh ends the old key's trust. */
  async function repaired(): Promise<void> {
    await api.misbehave("none");
    assert.equal((await refresh(api)).status, 200);
    assert.equal(await probe(api, canary), 401);
    assert.equal(await probe(api, await issuer.mint(newKey)), 200);
  }

  test("keep-cache claims the refresh with 204, accepts the new key, and never forgets the old", async () => {
    await api.misbehave("keep-cache");
    issuer.published = [newKey];
    const { status, body } = await refresh(api);
    assert.deepEqual({ status, body }, { status: 204, body: undefined });
    assert.equal(await probe(api, await issuer.mint(newKey)), 200);
    assert.equal(await probe(api, canary), 200);
    await repaired();
  });

  test("lie-kids claims the kids that the issuer publishes, and keeps its cache", async () => {
    await api.misbehave("lie-kids");
    issuer.published = [newKey];
    const { status, body } = await refresh(api);
    assert.equal(status, 200);
    assert.deepEqual((body as { kids: string[] }).kids, ["new"]);
    assert.equal(await probe(api, await issuer.mint(newKey)), 200);
    assert.equal(await probe(api, canary), 200);
    await repaired();
  });

  test("hang leaves the refresh without an answer, and probes work", async () => {
    await api.misbehave("hang");
    issuer.published = [newKey];
    await assert.rejects(call(api, "POST", refreshPath, apiRefreshToken, 300), { name: "TimeoutError" });
    assert.equal((await api.accessLog()).at(-1)?.status, null);
    assert.equal(await probe(api, canary), 200);
    await repaired();
  });

  test("error-500 answers the refresh with 500, and probes work", async () => {
    await api.misbehave("error-500");
    issuer.published = [newKey];
    assert.equal((await refresh(api)).status, 500);
    assert.equal(await probe(api, canary), 200);
    await repaired();
  });

  test("redirect points to an address that records whether a token was sent to it", async () => {
    await api.misbehave("redirect");
    issuer.published = [newKey];
    const { status, headers } = await refresh(api);
    assert.equal(status, 307);
    assert.deepEqual(await api.redirectsFollowed(), []);
    const authorization = `Bearer ${apiRefreshToken}`;
    const followed = await request(String(headers.location), { method: "POST", headers: { authorization } });
    assert.equal(followed.statusCode, 200);
    await followed.body.dump();
    const caught = (await api.redirectsFollowed()).map(({ method, path, authorization }) => ({
      method,
      path,
      authorization,
    }));
    assert.deepEqual(caught, [{ method: "POST", path: refreshPath, authorization: true }]);
    await repaired();
  });

  test("refuse answers probes until its first refresh, then refuses connections until it is repaired at the same address", async () => {
    await api.misbehave("refuse");
    issuer.published = [newKey];
    const { url } = api;
    assert.equal(await probe(api, canary), 200);
    await assert.rejects(refresh(api), { code: "UND_ERR_SOCKET" });
    // A pooled connection may still be there to be reset.
    const noConnection = { code: /^ECONN(REFUSED|RESET)$/ };
    await assert.rejects(probe(api, canary), noConnection);
    await assert.rejects(refresh(api), noConnection);
    await repaired();
    assert.equal(api.url, url);
  });

  test("wrong-token rejects the API refresh token that it should have", async () => {
    await api.misbehave("wrong-token");
    issuer.published = [newKey];
    assert.equal((await refresh(api)).status, 401);
    await repaired();
  });

  test("ignore-deny-list answers 204 and denies nobody, and a freeze works", async () => {
    await api.misbehave("ignore-deny-list");
    const admin = await issuer.mint(oldKey, { sid: "s1", realm_access: { roles: ["admin"] } });
    const entry = "/internal/auth/deny-list/s1";
    assert.equal((await call(api, "PUT", entry, apiRefreshToken)).status, 204);
    assert.equal((await call(api, "GET", "/api/admin", admin)).status, 200);
    assert.equal((await call(api, "PUT", "/internal/admin/freeze", apiRefreshToken)).status, 204);
    assert.equal((await call(api, "POST", "/api/admin", admin)).status, 423);
    assert.equal((await call(api, "DELETE", "/internal/admin/freeze", apiRefreshToken)).status, 204);
    await api.misbehave("none");
    assert.equal((await call(api, "PUT", entry, apiRefreshToken)).status, 204);
    assert.equal((await call(api, "GET", "/api/admin", admin)).status, 403);
    assert.equal((await call(api, "DELETE", entry, apiRefreshToken)).status, 204);
  });

  test("ignore-freeze answers 204 and neither freezes nor thaws", async () => {
    const freeze = "/internal/admin/freeze";
    const admin = await issuer.mint(oldKey, { realm_access: { roles: ["admin"] } });
    await api.misbehave("ignore-freeze");
    assert.equal((await call(api, "PUT", freeze, apiRefreshToken)).status, 204);
    assert.equal((await call(api, "POST", "/api/admin", admin)).status, 200);
    await api.misbehave("none");
    assert.equal((await call(api, "PUT", freeze, apiRefreshToken)).status, 204);
    await api.misbehave("ignore-freeze");
    assert.equal((await call(api, "DELETE", freeze, apiRefreshToken)).status, 204);
    assert.equal((await call(api, "POST", "/api/admin", admin)).status, 423);
    await api.misbehave("none");
    assert.equal((await call(api, "DELETE", freeze, apiRefreshToken)).status, 204);
    assert.equal((await call(api, "POST", "/api/admin", admin)).status, 200);
  });

  test("accept-all accepts any token, but not a request without one", async () => {
    await api.misbehave("accept-all");
    assert.equal(await probe(api, await issuer.mint(await issuerKey("unknown"))), 200);
    assert.equal(await probe(api, "no-token"), 200);
    assert.equal((await call(api, "GET", "/api/me")).status, 401);
  });

  test("accept-none-alg accepts an unsigned token, a correct instance does not", async () => {
    const unsigned = new UnsecuredJWT({ sub: "mallory" })
      .setIssuer(issuer.url)
      .setExpirationTime("5m")
      .encode();
    assert.equal(await probe(api, unsigned), 401);
    await api.misbehave("accept-none-alg");
    assert.equal(await probe(api, unsigned), 200);
    assert.equal(await probe(api, canary), 200);
    assert.equal(await probe(api, await issuer.mint(await issuerKey("old", "RS256"))), 401);
  });

  test("accept-hs256-confusion accepts an HMAC made with the public key, a correct instance does not", async () => {
    const key = createPublicKey({ key: oldKey.jwk as JsonWebKey, format: "jwk" });
    const secret = Buffer.from(key.export({ type: "spki", format: "pem" }));
    const claims = new SignJWT({ sub: "mallory" }).setIssuer(issuer.url).setExpirationTime("5m");
    const forged = await claims.setProtectedHeader({ alg: "HS256", kid: "old" }).sign(secret);
    assert.equal(await probe(api, forged), 401);
    await api.misbehave("accept-hs256-confusion");
    assert.equal(await probe(api, forged), 200);
    assert.equal(await probe(api, canary), 200);
  });

  test("probe-500, probe-hang and probe-redirect affect only the probe", async () => {
    await api.misbehave("probe-500");
    assert.equal(await probe(api, canary), 500);
    await api.misbehave("probe-redirect");
    assert.equal(await probe(api, canary), 307);
    await api.misbehave("probe-hang");
    await assert.rejects(call(api, "GET", "/api/me", canary, 300), { name: "TimeoutError" });
    assert.equal((await refresh(api)).status, 200);
  });
});
