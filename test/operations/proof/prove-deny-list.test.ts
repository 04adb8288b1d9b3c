import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import type { Instance } from "#operations/fleet/instances";
import { type DenyListQuestion, type DenyListResult, proveDenyList } from "#operations/proof/prove-deny-list";
import { type Fleet, type FleetOptions, startFleet } from "../../../scripts/lab/fleet.ts";
import { serve } from "../loopback-server.ts";
import { type RealRealm, realRealms } from "../real-realm.ts";
import { probeSettings, staticFleet } from "../samples.ts";

const makeRealm = realRealms();
const apiRefreshToken = "refresh-token-0123456789";
const quiet = () => undefined;

function question(
  { instances }: { instances: readonly Instance[] },
  change: Partial<DenyListQuestion> = {},
): DenyListQuestion {
  return {
    fleet: {
      ...staticFleet(...instances.map(({ name, url }) => ({ name, url }))),
      apiRefreshTokens: [apiRefreshToken],
    },
    denyListPath: "/internal/auth/deny-list",
    probe: { ...probeSettings, path: "/api/admin", rejectedStatuses: [401, 403] },
    identity: { realmRoles: ["admin"], audience: ["shop-api"], algorithm: "RS256" },
    ...change,
  };
}

/** A realm and instances of its API, which end before it. */
async function fleetFor(
  t: TestContext,
  options: Partial<FleetOptions> = {},
): Promise<RealRealm & { fleet: Fleet }> {
  const real = await makeRealm(t);
  const own = { issuer: real.realm.issuer, apiRefreshToken, audience: "shop-api" };
  const fleet = await startFleet({ count: 3, ...own, ...options });
  t.after(() => fleet.stop());
  return { ...real, fleet };
}

function verdicts({ instances }: DenyListResult): string[] {
  return instances.map(({ instance, ok }) => `${instance} ${ok}`);
}

/** No token and no secret is in it. */
function assertPublic(result: DenyListResult): void {
  const text = JSON.stringify(result);
  assert.doesNotMatch(text, /eyJ[\w-]+\.eyJ/);
  assert.ok(!text.includes(apiRefreshToken));
}

suite("proveDenyList", () => {
  test("every instance accepts an administrator, refuses it once denied, and forgets it again", async (t) => {
    const { admin, fleet } = await fleetFor(t);
    const result = await proveDenyList(admin, question(fleet), quiet);
    assert.deepEqual(result.failures, []);
    assert.deepEqual(verdicts(result), ["api-1 true", "api-2 true", "api-3 true"]);
    const [first] = result.instances;
    assert.deepEqual(first?.accepted, { kind: "accepted", status: 200 });
    assert.deepEqual(first?.refused, { kind: "rejected", status: 403 });
    assert.deepEqual([first?.denied, first?.cleaned], [{ outcome: "done" }, { outcome: "done" }]);
    const steps = (await fleet.instances[0]?.accessLog())?.map(({ method, status }) => `${method} ${status}`);
    assert.deepEqual(steps, ["GET 200", "PUT 204", "GET 403", "DELETE 204"]);
    assertPublic(result);
  });

  test("an instance that ignores its own deny-list is named, and the others are proven", async (t) => {
    const misbehave = [{ kind: "ignore-deny-list", count: 1 }] as const;
    const { admin, fleet } = await fleetFor(t, { misbehave });
    const result = await proveDenyList(admin, question(fleet), quiet);
    assert.deepEqual(verdicts(result), ["api-1 true", "api-2 true", "api-3 false"]);
    assert.deepEqual(result.failures, [
      "api-3 still accepts an administrator whose session is on its deny-list",
    ]);
    assertPublic(result);
  });

  test("neither a dead instance nor one that hangs is proven", async (t) => {
    const misbehave = [{ kind: "probe-hang", count: 1 }] as const;
    const { admin, fleet } = await fleetFor(t, { misbehave });
    await fleet.instances[0]?.stop();
    const probe = { ...question(fleet).probe, timeoutMs: 300 };
    const result = await proveDenyList(admin, question(fleet, { probe }), quiet);
    assert.deepEqual(verdicts(result), ["api-1 false", "api-2 true", "api-3 false"]);
    assert.match(result.failures[0] ?? "", /^api-1 .*inconclusive: connection (refused|reset|closed)/);
    assert.match(result.failures[1] ?? "", /^api-3 .*inconclusive: no answer within 300 ms/);
  });

  test("an API refresh token that instances reject proves nothing, and is not shown", async (t) => {
    const { admin, fleet } = await fleetFor(t, { count: 1 });
    const asked = question(fleet);
    const other = { ...asked.fleet, apiRefreshTokens: ["another-token-0123456789"] };
    const result = await proveDenyList(admin, { ...asked, fleet: other }, quiet);
    assert.match(result.failures.join(), /^api-1 does not put a session .* HTTP 401: .*refresh token$/);
    assert.doesNotMatch(JSON.stringify(result), /another-token/);
  });

  test("an instance without a deny-list operation is not proven", async (t) => {
    const { admin, fleet } = await fleetFor(t, { count: 1 });
    const result = await proveDenyList(admin, question(fleet, { denyListPath: "/internal/none" }), quiet);
    assert.equal(result.instances[0]?.denied.outcome, "unsupported");
    assert.match(result.failures.join(), /HTTP 404: the instance does not expose the deny-list operation/);
  });

  test("an administrator that the API does not recognize proves nothing, and the config key is named", async (t) => {
    const { admin, fleet } = await fleetFor(t, { count: 1 });
    const identity = { realmRoles: ["offline_access"], audience: ["shop-api"], algorithm: "RS256" };
    const result = await proveDenyList(admin, question(fleet, { identity }), quiet);
    assert.match(result.failures.join(), /rejected \(403\).*see sessions\.adminProbe/);
    const asked = await fleet.instances[0]?.accessLog();
    assert.deepEqual(
      asked?.map(({ method }) => method),
      ["GET"],
    );
  });

  test("instances that share one deny-list are proven as well", async (t) => {
    const { admin } = await makeRealm(t);
    const denied = new Set<string>();
    const sessionOf = (authorization = ""): string => {
      const claims = Buffer.from(authorization.split(".")[1] ?? "", "base64url").toString();
      return (JSON.parse(claims) as { sid: string }).sid;
    };
    const api = await serve(t, (response, { method, url, headers }) => {
      const sid = url.split("/").at(-1) ?? "";
      if (method === "PUT") denied.add(sid);
      if (method === "DELETE") denied.delete(sid);
      const isRefused = method === "GET" && denied.has(sessionOf(headers.authorization));
      response.writeHead(isRefused ? 403 : 204).end();
    });
    const instances = ["api-1", "api-2", "api-3"].map((name) => ({ name, url: api.url }));
    const probe = { ...question({ instances: [] }).probe, acceptedStatuses: [204] };
    const asked = question({ instances }, { probe });
    const result = await proveDenyList(admin, asked, quiet);
    assert.deepEqual([result.failures, denied.size], [[], 0]);
    assert.deepEqual(verdicts(result), ["api-1 true", "api-2 true", "api-3 true"]);
  });

  test("a session that can't be taken off the deny-list again is a failure", async (t) => {
    const { admin } = await makeRealm(t);
    let isDenied = false;
    const api = await serve(t, (response, { method }) => {
      isDenied ||= method === "PUT";
      const answers = { GET: isDenied ? 403 : 200, PUT: 204 } as Record<string, number>;
      response.writeHead(answers[method] ?? 500).end();
    });
    const asked = question({ instances: [{ name: "api-1", url: api.url }] });
    const { failures } = await proveDenyList(admin, asked, quiet);
    assert.match(failures.join(), /^api-1 does not take a session off its deny-list again: HTTP 500/);
  });

  test("no instance and an unknown role are failures and never a success", async (t) => {
    const { admin } = await makeRealm(t);
    const none = await proveDenyList(admin, question({ instances: [] }), quiet);
    assert.match(none.failures.join(), /^NO_INSTANCES/);
    const identity = { realmRoles: ["no-role"], audience: [], algorithm: "RS256" };
    const unknown = await proveDenyList(admin, question({ instances: [] }, { identity }), quiet);
    assert.match(unknown.failures.join(), /^ROLE_NOT_FOUND/);
  });
});
