import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type Instance, onEveryInstance } from "#operations/fleet/instances";
import { type RefreshResult, type RefreshSettings, refreshInstance } from "#operations/fleet/refresh";
import { refusingUrl, sendJson, serve } from "../loopback-server.ts";
import { refreshSettings } from "../samples.ts";

const secret = "refresh-token-0123456789";
const expectation = { present: ["new"], absent: ["old"] };

function refreshInstances(
  instances: readonly Instance[],
  settings: RefreshSettings,
  tokens: readonly string[],
): Promise<RefreshResult[]> {
  return onEveryInstance(instances, settings.concurrency, (instance) =>
    refreshInstance(instance, settings, tokens, expectation),
  );
}

async function refresh(url: string, change: Partial<RefreshSettings> = {}): Promise<RefreshResult> {
  const settings = { ...refreshSettings, ...change };
  const [result] = await refreshInstances([{ name: "api-1", url }], settings, [secret]);
  assert.ok(result);
  return result;
}

suite("refreshInstances", () => {
  test("it posts once with the bearer token, and a 2xx is a claim", async (t) => {
    const api = await serve(t, (response) => response.writeHead(204).end());
    const result = await refresh(api.url);
    assert.deepEqual(
      [result.instance, result.outcome, result.status, result.attempts],
      ["api-1", "claimed", 204, 1],
    );
    assert.equal(result.kids, undefined);
    const [request] = api.received;
    assert.equal(api.received.length, 1);
    assert.equal(`${request?.method} ${request?.url}`, "POST /internal/auth/jwks/refresh");
    assert.equal(request?.headers.authorization, `Bearer ${secret}`);
    assert.ok(result.startedAt <= result.finishedAt);
  });

  test("only kids that were asked about are kept with the claim", async (t) => {
    const api = await serve(t, (response) => sendJson(response, 200, { kids: ["new", "exempt"] }));
    const result = await refresh(api.url);
    assert.deepEqual([result.outcome, result.kids], ["claimed", ["new"]]);
  });

  for (const [title, kids, reason] of [
    ["lack the new one", [], /lacks new/],
    ["still have the old one", ["new", "old"], /still has old/],
    ["are those of before", ["old"], /lacks new, still has old/],
  ] as const) {
    test(`kids that ${title} are a failure after every attempt`, async (t) => {
      const api = await serve(t, (response) => sendJson(response, 200, { kids }));
      const result = await refresh(api.url);
      assert.deepEqual([result.outcome, result.status, result.attempts], ["failed", 200, 2]);
      assert.match(result.reason ?? "", reason);
    });
  }

  test("an instance whose reload joined an older fetch is asked again, and then claims the new set", async (t) => {
    const api = await serve(t, (response, _request, count) =>
      sendJson(response, 200, { kids: count === 1 ? ["old"] : ["new"] }),
    );
    const result = await refresh(api.url);
    assert.deepEqual([result.outcome, result.attempts], ["claimed", 2]);
  });

  for (const body of ["", "OK", "{}", '{"fetchedAt":"now"}', "[]"]) {
    test(`a 200 that carries no kids (${body || "empty"}) is a claim without kids`, async (t) => {
      const api = await serve(t, (response) => response.end(body));
      const result = await refresh(api.url);
      assert.deepEqual([result.outcome, result.kids], ["claimed", undefined]);
    });
  }

  for (const body of ['{"kids":"old"}', '{"kids":[{"kid":"old"}]}']) {
    test(`kids that can't be read (${body}) are no claim`, async (t) => {
      const api = await serve(t, (response) => response.end(body));
      assert.equal((await refresh(api.url, { attempts: 1 })).outcome, "failed");
    });
  }

  for (const [status, reason] of [
    [401, /does not accept this API refresh token/],
    [403, /does not accept this API refresh token/],
    [404, /does not expose the refresh operation/],
    [405, /an unexpected status/],
  ] as const) {
    test(`HTTP ${status} fails at once, since asking again would not help`, async (t) => {
      const api = await serve(t, (response) => response.writeHead(status).end());
      const result = await refresh(api.url, { attempts: 4 });
      assert.deepEqual([result.outcome, result.status, result.attempts], ["failed", status, 1]);
      assert.match(result.reason ?? "", reason);
      assert.equal(api.received.length, 1);
    });
  }

  for (const status of [429, 500, 502, 503]) {
    test(`HTTP ${status} is retried, and the next answer counts`, async (t) => {
      const api = await serve(t, (response, _request, count) =>
        response.writeHead(count === 1 ? status : 200).end(),
      );
      const result = await refresh(api.url);
      assert.deepEqual([result.outcome, result.attempts], ["claimed", 2]);
    });
  }

  test("a redirect fails at once and its target sees nothing", async (t) => {
    const target = await serve(t, (response) => response.end());
    const api = await serve(t, (response) => response.writeHead(307, { location: target.url }).end());
    const result = await refresh(api.url);
    assert.deepEqual([result.outcome, result.status, result.attempts], ["failed", 307, 1]);
    assert.match(result.reason ?? "", /redirect, not followed/);
    assert.equal(target.received.length, 0);
  });

  test("an instance that hangs fails with the time limit as its reason", async (t) => {
    const api = await serve(t, () => undefined);
    const result = await refresh(api.url, { timeoutMs: 50 });
    assert.deepEqual(
      [result.outcome, result.reason, result.attempts, result.status],
      ["failed", "no answer within 50 ms", 2, undefined],
    );
  });

  test("a body that never ends fails with the time limit as its reason", async (t) => {
    const api = await serve(t, (response) => response.write('{"kids":['));
    assert.equal((await refresh(api.url, { timeoutMs: 50 })).reason, "no answer within 50 ms");
  });

  test("a body over 64 KiB fails instead of filling the memory", async (t) => {
    const api = await serve(t, (response) => response.end("x".repeat(70_000)));
    assert.match((await refresh(api.url, { attempts: 1 })).reason ?? "", /larger than 65536 bytes/);
  });

  test("a refused connection fails after the last attempt", async () => {
    const result = await refresh(await refusingUrl());
    assert.deepEqual([result.outcome, result.reason, result.attempts], ["failed", "connection refused", 2]);
  });

  test("a connection that is reset fails after the last attempt", async (t) => {
    const api = await serve(t, (response) => response.socket?.resetAndDestroy());
    const result = await refresh(api.url);
    assert.match(result.reason ?? "", /connection (reset|closed)/);
  });

  test("a token that no header can hold fails without being shown", async (t) => {
    const api = await serve(t, (response) => response.end());
    const [result] = await refreshInstances(
      [{ name: "api-1", url: api.url }],
      { ...refreshSettings, attempts: 1 },
      ["line one\nline two"],
    );
    assert.equal(result?.outcome, "failed");
    assert.doesNotMatch(JSON.stringify(result), /line/);
  });

  test("no result holds the API refresh token, even if the instance sends it back", async (t) => {
    const api = await serve(t, (response, request) =>
      response.writeHead(500).end(request.headers.authorization),
    );
    assert.ok(!JSON.stringify(await refresh(api.url)).includes(secret));
  });

  test("an API refresh token that an instance sends back as a kid does not get into the evidence", async (t) => {
    const api = await serve(t, (response) => sendJson(response, 200, { kids: ["new", secret] }));
    assert.ok(!JSON.stringify(await refresh(api.url)).includes(secret));
  });

  test("results come in the order of the instances, and never more than `concurrency` are asked at a time", async (t) => {
    let [running, most] = [0, 0];
    const api = await serve(t, (response) => {
      running += 1;
      most = Math.max(most, running);
      setImmediate(() => {
        running -= 1;
        response.end();
      });
    });
    const instances = Array.from({ length: 12 }, (_, index) => ({ name: `api-${index}`, url: api.url }));
    const results = await refreshInstances(instances, { ...refreshSettings, concurrency: 3 }, [secret]);
    assert.deepEqual(
      results.map(({ instance }) => instance),
      instances.map(({ name }) => name),
    );
    assert.ok(most <= 3, `${most} at a time`);
  });

  test("an instance that still has the previous token is refreshed with that one", async (t) => {
    const api = await serve(t, (response, { headers }) =>
      response.writeHead(headers.authorization === "Bearer before" ? 204 : 401).end(),
    );
    const [result] = await refreshInstances([{ name: "api-1", url: api.url }], refreshSettings, [
      "now",
      "before",
    ]);
    assert.deepEqual([result?.outcome, result?.attempts, api.received.length], ["claimed", 1, 2]);
  });

  test("one bad instance does not affect the results of the others", async (t) => {
    const api = await serve(t, (response) => response.end());
    const instances = [
      { name: "dead", url: await refusingUrl() },
      { name: "alive", url: api.url },
    ];
    const results = await refreshInstances(instances, refreshSettings, [secret]);
    assert.deepEqual(
      results.map(({ instance, outcome }) => `${instance} ${outcome}`),
      ["dead failed", "alive claimed"],
    );
  });
});
