import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Fleet, type FleetInstance, startFleet } from "../../../scripts/lab/fleet.ts";
import { apiRefreshToken, call, startLone } from "./calls.ts";
import { describeContract } from "./contract.ts";
import { type IssuerKey, issuerKey, startIssuer, type TestIssuer } from "./jwks-server.ts";

describeContract(
  "the sample API's contract",
  async ({ issuer, jwksUri, audience, apiRefreshToken: token }) => {
    const given = token === undefined ? {} : { apiRefreshToken: token };
    const fleet = await startFleet({ count: 1, issuer, audience, ...given, env: { JWKS_URI: jwksUri } });
    const [first] = fleet.instances;
    if (!first) throw new Error("no instance");
    return { url: first.url, log: () => first.log(), stop: () => fleet.stop() };
  },
);

describe("the sample API beyond the contract", () => {
  let issuer: TestIssuer;
  let fleet: Fleet;
  let api: FleetInstance;
  let key: IssuerKey;

  before(async () => {
    key = await issuerKey("old");
    issuer = await startIssuer(key);
    ({ fleet, api } = await startLone(issuer.url));
  });
  after(async () => {
    await fleet?.stop();
    await issuer?.stop();
  });

  test("it finds the JWKS by the issuer's discovery, and says when it is ready", async () => {
    assert.equal((await call(api, "GET", "/healthz")).status, 200);
  });

  test("a token can be denied by its own id, too", async () => {
    const token = await issuer.mint(key, { jti: "t1", realm_access: { roles: ["admin"] } });
    const path = "/internal/auth/deny-list/t1";
    assert.equal((await call(api, "GET", "/api/admin", token)).status, 200);
    assert.equal((await call(api, "PUT", path, apiRefreshToken)).status, 204);
    assert.equal((await call(api, "GET", "/api/admin", token)).status, 403);
    assert.equal((await call(api, "DELETE", path, apiRefreshToken)).status, 204);
  });

  test("its logs name every request, and no token", async () => {
    const token = await issuer.mint(key);
    const before = (await api.accessLog()).length;
    await call(api, "GET", `/api/me?access_token=${token}`, token);
    const lines = await api.accessLog();
    assert.equal(lines.length, before + 1);
    const { method, path, status } = lines.at(-1) ?? {};
    assert.deepEqual({ method, path, status }, { method: "GET", path: "/api/me", status: 200 });
    const written = JSON.stringify([lines, await api.log()]);
    assert.ok(!written.includes(token) && !written.includes(apiRefreshToken));
  });
});
