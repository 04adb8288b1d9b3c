import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { suite, test } from "node:test";
import { Agent } from "undici";
import { denyOn, denySessions } from "#operations/fleet/deny-list";
import { connectDirectly, onEveryInstance } from "#operations/fleet/instances";
import { applyOrders, type StandingOrders } from "#operations/fleet/standing-orders";
import type { Target } from "#operations/fleet/targets";
import { startFleet } from "../../../scripts/lab/fleet.ts";
import { call } from "../../lab/sample-api/calls.ts";
import { issuerKey, startIssuer } from "../../lab/sample-api/jwks-server.ts";
import { type Answer, type LoopbackServer, refusingUrl, serve } from "../loopback-server.ts";
import { refreshSettings, staticTargets } from "../samples.ts";

const secret = "refresh-token-0123456789";
const path = "/internal/auth/deny-list";
const quiet = () => undefined;

const fleetOf = (targets: Target[]) => ({
  targets,
  refresh: refreshSettings,
  apiRefreshTokens: [secret],
});

interface Denied {
  outcome: string | undefined;
  reason: string | undefined;
}

async function deny(url: string, sids: string[], wanted: "deny" | "allow" = "deny"): Promise<Denied> {
  const targets = staticTargets({ name: "api-1", url });
  const result = await denySessions(fleetOf(targets), { path, sids }, wanted, quiet);
  assert.deepEqual(result.failures, []);
  assert.ok(!JSON.stringify(result).includes(secret));
  const [first] = result.instances;
  return { outcome: first?.outcome, reason: first?.reason };
}

function lines({ received }: LoopbackServer): string[] {
  return received.map(({ method, url }) => `${method} ${url.replace(`${path}/`, "")}`);
}

const answering =
  (status: (url: string) => number): Answer =>
  (response, { url }) =>
    response.writeHead(status(url)).end();

suite("denySessions", () => {
  test("listed sessions are refused on every instance until they are allowed again, others never", async (t) => {
    const key = await issuerKey("only");
    const issuer = await startIssuer(key);
    t.after(() => issuer.stop());
    const fleet = await startFleet({ count: 2, issuer: issuer.url, apiRefreshToken: secret });
    t.after(() => fleet.stop());
    const sids = ["s/1", "s2", "s3"];
    const tokens = await Promise.all(
      sids.map((sid) => issuer.mint(key, { sid, realm_access: { roles: ["admin"] } })),
    );
    const statuses = () =>
      Promise.all(
        fleet.instances.flatMap((api) =>
          tokens.map(async (token) => (await call(api, "GET", "/api/admin", token)).status),
        ),
      );
    const targets = staticTargets(...fleet.instances.map(({ name, url }) => ({ name, url })));
    const change = (wanted: "deny" | "allow") =>
      denySessions(fleetOf(targets), { path, sids: ["s/1", "s2"] }, wanted, quiet);
    for (const wanted of ["deny", "deny"] as const) {
      const { instances, failures } = await change(wanted);
      assert.deepEqual([instances.map(({ outcome }) => outcome), failures], [["done", "done"], []]);
      assert.deepEqual(await statuses(), [403, 403, 200, 403, 403, 200]);
    }
    await change("allow");
    assert.deepEqual(await statuses(), [200, 200, 200, 200, 200, 200]);
  });

  test("each id is sent as one segment of the path", async (t) => {
    const api = await serve(
      t,
      answering(() => 204),
    );
    assert.deepEqual(await deny(api.url, ["a b", "../x", "c?d"]), { outcome: "done", reason: undefined });
    assert.deepEqual(lines(api).toSorted(), ["PUT ..%2Fx", "PUT a%20b", "PUT c%3Fd"]);
  });

  test("the first session is sent alone, and the others several at a time where the connection allows it", async (t) => {
    const held: ServerResponse[] = [];
    const waiting: number[] = [];
    const api = await serve(t, (response, _request, count) => {
      held.push(response);
      waiting.push(held.length);
      // The first is answered when it comes; of the others nobody is answered before the eighth is there.
      if (count === 1 || held.length === 8) for (const one of held.splice(0)) one.writeHead(204).end();
    });
    const sids = Array.from({ length: 17 }, (_, index) => `s${index}`);
    const dispatcher = new Agent();
    t.after(() => dispatcher.destroy());
    const instance = { name: "api-1", url: api.url, dispatcher };
    const denied = await denyOn(
      instance,
      { refresh: refreshSettings, apiRefreshTokens: [secret] },
      { path, sids },
      "deny",
    );
    assert.deepEqual(denied, { outcome: "done" });
    assert.deepEqual(waiting, [1, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert.equal(lines(api)[0], "PUT s0");
  });

  for (const sid of ["", ".", ".."]) {
    test(`an id of "${sid}", which would name another operation, is not sent, and the others are`, async (t) => {
      const api = await serve(
        t,
        answering(() => 204),
      );
      const { outcome, reason } = await deny(api.url, [sid, "s2"]);
      assert.deepEqual([outcome, lines(api)], ["failed", ["PUT s2"]]);
      assert.match(reason ?? "", /^1 of 2 sessions .*is no session id/);
    });
  }

  test("a session that the instance can't deny is named, and the others are still tried", async (t) => {
    const api = await serve(
      t,
      answering((url) => (url.endsWith("bad") ? 500 : 204)),
    );
    const { outcome, reason } = await deny(api.url, ["s1", "bad", "s3"]);
    assert.deepEqual(
      [outcome, lines(api).toSorted()],
      ["failed", ["PUT bad", "PUT bad", "PUT s1", "PUT s3"]],
    );
    assert.match(reason ?? "", /^1 of 3 sessions \(bad\): HTTP 500/);
  });

  for (const [status, outcome] of [
    [401, "failed"],
    [403, "failed"],
    [404, "unsupported"],
  ] as const) {
    test(`HTTP ${status} concerns all sessions, and is met only once`, async (t) => {
      const api = await serve(
        t,
        answering(() => status),
      );
      const denied = await deny(api.url, ["s1", "s2", "s3"], "allow");
      assert.deepEqual([denied.outcome, lines(api)], [outcome, ["DELETE s1"]]);
      assert.match(denied.reason ?? "", /^3 of 3 sessions \(s1, s2, s3\): HTTP/);
    });
  }

  test("an unreachable instance is given up after the attempts for one session", async () => {
    const { outcome, reason } = await deny(await refusingUrl(), ["s1", "s2"]);
    assert.deepEqual([outcome, reason], ["failed", "2 of 2 sessions (s1, s2): connection refused"]);
  });
});

async function order(url: string, orders: StandingOrders): Promise<string[] | undefined> {
  const instances = [{ name: "api-1", url }];
  const apply = (instance: Parameters<typeof applyOrders>[0]) =>
    applyOrders(instance, orders, refreshSettings, [secret]);
  return (await onEveryInstance(instances, 1, apply, connectDirectly))[0];
}

suite("applyOrders", () => {
  const freeze = { path: "/internal/admin/freeze", on: ["api-2"], since: "2026-01-01T00:00:00.000Z" };
  const denying = { path, sids: ["s1", "s2"], on: ["api-2"] };

  test("an instance that was not told is frozen, and denies the sessions", async (t) => {
    const api = await serve(
      t,
      answering(() => 204),
    );
    assert.deepEqual(await order(api.url, { freeze, deny: denying }), []);
    assert.deepEqual(lines(api), ["PUT /internal/admin/freeze", "PUT s1", "PUT s2"]);
  });

  test("an instance that was told is left alone", async (t) => {
    const api = await serve(
      t,
      answering(() => 204),
    );
    const on = ["api-1"];
    assert.deepEqual(await order(api.url, { freeze: { ...freeze, on }, deny: { ...denying, on } }), []);
    assert.deepEqual(await order(api.url, {}), []);
    assert.deepEqual(lines(api), []);
  });

  test("an instance that does not accept the deny-list says why", async (t) => {
    const api = await serve(
      t,
      answering((url) => (url.startsWith(path) ? 404 : 204)),
    );
    const [reason = ""] = (await order(api.url, { freeze, deny: denying })) ?? [];
    assert.match(reason, /^does not take sessions for its deny-list: 2 of 2 sessions .* HTTP 404/);
  });
});
