import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { type Fleet, type FleetInstance, startFleet } from "../../../scripts/lab/fleet.ts";
import { call, probe, refresh, refreshPath, refreshToken } from "./calls.ts";
import { type IssuerKey, issuerKey, startIssuer, type TestIssuer } from "./jwks-server.ts";

describe("the sample API's contract", () => {
  let issuer: TestIssuer;
  let fleet: Fleet;
  let api: FleetInstance;
  let oldKey: IssuerKey;
  let newKey: IssuerKey;

  before(async () => {
    [oldKey, newKey] = await Promise.all([issuerKey("old"), issuerKey("new", "EdDSA")]);
    issuer = await startIssuer(oldKey);
    fleet = await startFleet({ count: 1, issuer: issuer.url, refreshToken, audience: "the-api" });
    const [first] = fleet.instances;
    if (!first) throw new Error("no instance");
    api = first;
  });
  after(async () => {
    await fleet?.stop();
    await issuer?.stop();
  });
  beforeEach(async () => {
    Object.assign(issuer, { published: [oldKey], gate: Promise.resolve(), failing: false });
    await refresh(api);
  });
  const mint = (key: IssuerKey, claims = {}) => issuer.mint(key, { aud: "the-api", ...claims });

  test("it is ready once its log shows the bootstrap with its kids", async () => {
    assert.equal((await call(api, "GET", "/healthz")).status, 200);
    assert.ok((await api.log()).some((line) => line.endsWith('JWKS bootstrap ok kids=["old"]')));
  });

  test("a token of the issuer for this audience is accepted, any other is rejected with 401", async () => {
    assert.equal(await probe(api, await mint(oldKey)), 200);
    assert.equal(await probe(api, await mint(oldKey, { aud: "another" })), 401);
    assert.equal(await probe(api, await mint(oldKey, { exp: 1 })), 401);
    assert.equal(await probe(api, await mint(await issuerKey("unknown"))), 401);
    assert.equal(await probe(api, await mint(await issuerKey("old"))), 401);
    assert.equal(await probe(api, "no-token"), 401);
    assert.equal((await call(api, "GET", "/api/me")).status, 401);
  });

  test("a retired key stays trusted until a refresh, which answers with the kids it has now", async () => {
    const canary = await mint(oldKey);
    issuer.published = [newKey];
    assert.equal(await probe(api, canary), 200);
    const { status, body } = await refresh(api);
    assert.equal(status, 200);
    const { kids, fetchedAt } = body as { kids: string[]; fetchedAt: string };
    assert.deepEqual(kids, ["new"]);
    assert.ok(Math.abs(Date.parse(fetchedAt) - Date.now()) < 10_000);
    assert.equal(await probe(api, canary), 401);
    assert.equal(await probe(api, await mint(newKey)), 200);
  });

  test("a refresh does not settle for a fetch that was under way before it", async () => {
    let open = () => {};
    issuer.gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const fetchesBefore = issuer.fetches;
    const early = refresh(api);
    while (issuer.fetches === fetchesBefore) await new Promise((resolve) => setImmediate(resolve));
    issuer.published = [newKey];
    const late = refresh(api);
    // Answered later than the refresh has come in, which now waits.
    await call(api, "GET", "/healthz");
    open();
    await early;
    assert.deepEqual(((await late).body as { kids: string[] }).kids, ["new"]);
  });

  test("a refresh answers 502 and keeps the cache where the issuer fails", async () => {
    issuer.failing = true;
    assert.equal((await refresh(api)).status, 502);
    issuer.failing = false;
    assert.equal(await probe(api, await mint(oldKey)), 200);
  });

  test("a wrong or missing refresh token gets 401, and nothing is fetched", async () => {
    const fetchesBefore = issuer.fetches;
    assert.equal((await refresh(api, "wrong")).status, 401);
    assert.equal((await call(api, "POST", refreshPath)).status, 401);
    assert.equal(issuer.fetches, fetchesBefore);
  });

  test("a denied session is refused as an administrator, by session or by token id, until it is allowed", async () => {
    const claims = { sid: "s/1", jti: "t1", realm_access: { roles: ["admin"] } };
    const token = await mint(oldKey, claims);
    for (const id of ["s%2F1", "t1"]) {
      const path = `/internal/auth/deny-list/${id}`;
      assert.equal((await call(api, "GET", "/api/admin", token)).status, 200);
      assert.equal((await call(api, "PUT", path, refreshToken)).status, 204);
      assert.equal((await call(api, "GET", "/api/admin", token)).status, 403);
      assert.equal((await call(api, "DELETE", path, refreshToken)).status, 204);
    }
    assert.equal((await call(api, "GET", "/api/admin", token)).status, 200);
    assert.equal((await call(api, "PUT", "/internal/auth/deny-list/s", "wrong")).status, 401);
  });

  test("administrators need the role, and a freeze refuses their writes but not their reads", async () => {
    const admin = await mint(oldKey, { realm_access: { roles: ["admin"] } });
    assert.equal((await call(api, "GET", "/api/admin", await mint(oldKey))).status, 403);
    assert.equal((await call(api, "POST", "/api/admin/users", admin)).status, 200);
    assert.equal((await call(api, "PUT", "/internal/admin/freeze", refreshToken)).status, 204);
    assert.equal((await call(api, "POST", "/api/admin/users", admin)).status, 423);
    assert.equal((await call(api, "GET", "/api/admin", admin)).status, 200);
    assert.equal((await call(api, "DELETE", "/internal/admin/freeze", refreshToken)).status, 204);
    assert.equal((await call(api, "POST", "/api/admin/users", admin)).status, 200);
  });

  test("its logs name every request, and no token", async () => {
    const token = await mint(oldKey);
    const before = (await api.accessLog()).length;
    await call(api, "GET", `/api/me?access_token=${token}`, token);
    const lines = await api.accessLog();
    assert.equal(lines.length, before + 1);
    const { method, path, status } = lines.at(-1) ?? {};
    assert.deepEqual({ method, path, status }, { method: "GET", path: "/api/me", status: 200 });
    const written = JSON.stringify([lines, await api.log()]);
    assert.ok(!written.includes(token) && !written.includes(refreshToken));
  });
});
