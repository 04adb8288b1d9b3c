import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import type { CalledInstances } from "#operations/fleet/call-instances";
import { freezeInstances } from "#operations/fleet/freeze-instances";
import { type Fleet, type FleetOptions, startFleet } from "../../../scripts/lab/fleet.ts";
import { call } from "../../lab/sample-api/calls.ts";
import { type IssuerKey, issuerKey, startIssuer, type TestIssuer } from "../../lab/sample-api/jwks-server.ts";
import { refusingUrl, serve } from "../loopback-server.ts";
import { refreshSettings, staticTargets } from "../samples.ts";

const secret = "refresh-token-0123456789";
const path = "/internal/admin/freeze";
const quiet = () => undefined;

interface Shop {
  fleet: Fleet;
  /** The status of an administrator's write on each instance. */
  write: () => Promise<number[]>;
}

/** Instances and an issuer whose administrator is at work; they end with the test. */
async function shop(t: TestContext, options: Partial<FleetOptions> = {}): Promise<Shop> {
  const key: IssuerKey = await issuerKey("only");
  const issuer: TestIssuer = await startIssuer(key);
  t.after(() => issuer.stop());
  const fleet = await startFleet({ count: 3, issuer: issuer.url, apiRefreshToken: secret, ...options });
  t.after(() => fleet.stop());
  const token = await issuer.mint(key, { realm_access: { roles: ["admin"] } });
  const writeOn = async (instance: Fleet["instances"][number]) =>
    (await call(instance, "POST", "/api/admin/users", token)).status;
  return { fleet, write: () => Promise.all(fleet.instances.map(writeOn)) };
}

function change(
  { instances }: { instances: readonly { name: string; url: string }[] },
  wanted: "freeze" | "thaw",
  tokens = [secret],
): Promise<CalledInstances> {
  const targets = staticTargets(...instances.map(({ name, url }) => ({ name, url })));
  return freezeInstances(
    { targets, refresh: refreshSettings, apiRefreshTokens: tokens },
    path,
    wanted,
    quiet,
  );
}

function outcomes({ instances }: CalledInstances): string[] {
  return instances.map(({ instance, outcome }) => `${instance} ${outcome}`);
}

suite("freezeInstances", () => {
  test("a freeze makes every instance refuse administrators' writes, and a thaw undoes that; both can be repeated", async (t) => {
    const { fleet, write } = await shop(t);
    assert.deepEqual(await write(), [200, 200, 200]);
    for (const _ of [1, 2]) {
      const { instances, failures } = await change(fleet, "freeze");
      assert.deepEqual(failures, []);
      assert.ok(instances.every(({ outcome, at }) => outcome === "done" && Date.parse(at) <= Date.now()));
      assert.deepEqual(await write(), [423, 423, 423]);
    }
    for (const _ of [1, 2]) {
      assert.deepEqual(outcomes(await change(fleet, "thaw")), ["api-1 done", "api-2 done", "api-3 done"]);
      assert.deepEqual(await write(), [200, 200, 200]);
    }
  });

  test("a restarted instance has lost its freeze, and a 204 from one that ignores the freeze is only a claim", async (t) => {
    const { fleet, write } = await shop(t, { misbehave: [{ kind: "ignore-freeze", count: 1 }] });
    assert.deepEqual(outcomes(await change(fleet, "freeze")), ["api-1 done", "api-2 done", "api-3 done"]);
    await fleet.instances[0]?.restart();
    assert.deepEqual(await write(), [200, 423, 200]);
  });

  test("an unreachable instance and one with another token fail and are named, the others are frozen", async (t) => {
    const { fleet } = await shop(t, { misbehave: [{ kind: "wrong-token", count: 1 }] });
    await fleet.instances[0]?.stop();
    const result = await change(fleet, "freeze");
    assert.deepEqual(outcomes(result), ["api-1 failed", "api-2 done", "api-3 failed"]);
    assert.match(result.instances[0]?.reason ?? "", /connection (refused|reset|closed)/);
    assert.match(
      result.instances[2]?.reason ?? "",
      /HTTP 401: the instance does not accept this API refresh token/,
    );
    assert.ok(!JSON.stringify(result).includes(secret));
  });

  test("an instance without the operation is unsupported, which is not a failed call", async (t) => {
    const api = await serve(t, (response) => response.writeHead(404).end());
    const result = await change({ instances: [{ name: "api-1", url: api.url }] }, "freeze");
    assert.deepEqual(outcomes(result), ["api-1 unsupported"]);
    assert.equal(api.received.length, 1);
  });

  test("the previous token is tried if the current one is refused", async (t) => {
    const api = await serve(t, (response, { headers }) =>
      response.writeHead(headers.authorization === "Bearer before" ? 204 : 401).end(),
    );
    const result = await change({ instances: [{ name: "api-1", url: api.url }] }, "thaw", ["now", "before"]);
    assert.deepEqual(outcomes(result), ["api-1 done"]);
    assert.deepEqual(
      api.received.map(({ method, url }) => `${method} ${url}`),
      ["DELETE /internal/admin/freeze", "DELETE /internal/admin/freeze"],
    );
  });

  test("a 503 is retried, a redirect is not followed, and neither shows what was sent", async (t) => {
    const target = await serve(t, (response) => response.end());
    const busy = await serve(t, (response, _request, count) =>
      response.writeHead(count === 1 ? 503 : 204).end(),
    );
    const astray = await serve(t, (response) => response.writeHead(307, { location: target.url }).end());
    const instances = [
      { name: "busy", url: busy.url },
      { name: "astray", url: astray.url },
      { name: "dead", url: await refusingUrl() },
    ];
    const result = await change({ instances }, "freeze");
    assert.deepEqual(outcomes(result), ["busy done", "astray failed", "dead failed"]);
    assert.match(result.instances[1]?.reason ?? "", /HTTP 307: a redirect, not followed/);
    assert.equal(target.received.length, 0);
    assert.ok(!JSON.stringify(result).includes(secret));
  });

  test("a target without any instance is a failure", async () => {
    const { failures } = await change({ instances: [] }, "freeze");
    assert.match(failures.join(), /^NO_INSTANCES: target static/);
  });
});
