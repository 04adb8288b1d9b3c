import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import { backoffMs } from "#operations/base/backoff";
import { type Instance, type OpenInstance, onEveryInstance } from "#operations/fleet/instances";
import type { ProbeSettings } from "#operations/fleet/probe-settings";
import { describeVerdict, probe, type Verdict, verdictOf } from "#operations/proof/probe";
import { refusingUrl, serve } from "../loopback-server.ts";
import { probeSettings } from "../samples.ts";

const usual = { acceptedStatuses: [200], rejectedStatuses: [401] };
const token = "header.payload.signature";

async function ask(
  url: string,
  change: Partial<ProbeSettings> = {},
  hooks: Pick<OpenInstance, "heard" | "retrying"> = {},
): Promise<Verdict> {
  const instances: Instance[] = [{ name: "api-1", url }];
  const settings = { ...probeSettings, ...change };
  const [verdict] = await onEveryInstance(instances, 1, (instance) =>
    probe({ ...instance, ...hooks }, settings, token),
  );
  assert.ok(verdict);
  return verdict;
}

function reasonOf(verdict: Verdict): string {
  assert.equal(verdict.kind, "inconclusive");
  return verdict.kind === "inconclusive" ? verdict.reason : "";
}

suite("verdictOf", () => {
  for (const [status, kind] of [
    [200, "accepted"],
    [401, "rejected"],
    [204, "inconclusive"],
    [206, "inconclusive"],
    [301, "inconclusive"],
    [302, "inconclusive"],
    [304, "inconclusive"],
    [307, "inconclusive"],
    [400, "inconclusive"],
    [403, "inconclusive"],
    [404, "inconclusive"],
    [407, "inconclusive"],
    [429, "inconclusive"],
    [500, "inconclusive"],
    [502, "inconclusive"],
    [503, "inconclusive"],
    [504, "inconclusive"],
  ] as const) {
    test(`HTTP ${status} is ${kind}`, () => assert.equal(verdictOf(status, usual).kind, kind));
  }

  for (const [status, reason] of [
    [299, "HTTP 299"],
    [300, "HTTP 300 (a redirect, not followed)"],
    [302, "HTTP 302 (a redirect, not followed)"],
    [399, "HTTP 399 (a redirect, not followed)"],
    [400, "HTTP 400"],
  ] as const)
    test(`HTTP ${status} is ${reason.includes("redirect") ? "" : "not "}named as a redirect`, () => {
      assert.equal(reasonOf(verdictOf(status, usual)), reason);
    });

  test("what counts as accepted or rejected is what was agreed on", () => {
    const agreed = { acceptedStatuses: [204], rejectedStatuses: [401, 403] };
    assert.deepEqual(
      [204, 403, 200].map((status) => verdictOf(status, agreed).kind),
      ["accepted", "rejected", "inconclusive"],
    );
  });

  test("each kind of verdict has a phrase of its own", () => {
    const verdicts: Verdict[] = [
      { kind: "accepted", status: 200 },
      { kind: "rejected", status: 401 },
      { kind: "inconclusive", reason: "HTTP 500" },
    ];
    assert.deepEqual(verdicts.map(describeVerdict), [
      "accepted (200)",
      "rejected (401)",
      "inconclusive: HTTP 500",
    ]);
  });
});

suite("probe", () => {
  test("the token goes to the probe path as a bearer token", async (t) => {
    const api = await serve(t, (response) => response.end());
    assert.deepEqual(await ask(`${api.url}/base/`), { kind: "accepted", status: 200 });
    assert.equal(api.received[0]?.url, "/base/api/me");
    assert.equal(api.received[0]?.headers.authorization, `Bearer ${token}`);
  });

  test("a redirect is inconclusive, and the target sees no request and so no token", async (t) => {
    const target = await serve(t, (response) => response.end());
    const api = await serve(t, (response) => response.writeHead(302, { location: target.url }).end());
    assert.match(reasonOf(await ask(api.url)), /HTTP 302/);
    assert.equal(target.received.length, 0);
  });

  test("a refused connection is inconclusive, and no answer", async () => {
    const unanswered = { kind: "inconclusive", reason: "connection refused", unanswered: true };
    assert.deepEqual(await ask(await refusingUrl()), unanswered);
  });

  test("a bug of our own is no answer of the instance", async (t) => {
    const api = await serve(t, (response) => response.end());
    const heard = () => {
      throw new TypeError("a bug");
    };
    await assert.rejects(ask(api.url, {}, { heard }), TypeError);
  });

  test("a connection that breaks before the answer is inconclusive", async (t) => {
    const api = await serve(t, (response) => response.destroy());
    assert.match(reasonOf(await ask(api.url)), /connection (closed|reset)/);
  });

  test("an instance that never answers is inconclusive after the time limit", async (t) => {
    const api = await serve(t, () => undefined);
    assert.equal(reasonOf(await ask(api.url, { timeoutMs: 50 })), "no answer within 50 ms");
  });

  test("a 401 whose body never ends is inconclusive: the limit is for the whole exchange", async (t) => {
    const api = await serve(t, (response) => response.writeHead(401).write("{"));
    assert.equal(reasonOf(await ask(api.url, { timeoutMs: 50 })), "no answer within 50 ms");
  });

  test("a body that breaks off is inconclusive, whatever its status", async (t) => {
    const api = await serve(t, (response) => {
      response.writeHead(401, { "content-length": "100" });
      response.write("{", () => response.destroy());
    });
    assert.match(reasonOf(await ask(api.url)), /connection (closed|reset)/);
  });

  test("an answer without end in size is inconclusive", async (t) => {
    const api = await serve(t, endless);
    assert.match(reasonOf(await ask(api.url)), /larger than 1048576 bytes/);
  });

  test("an inconclusive answer is asked again, which is told, and the first verdict counts", async (t) => {
    const api = await serve(t, (response, _request, count) =>
      response.writeHead(count < 2 ? 503 : 401).end(),
    );
    const states: boolean[] = [];
    const retrying = (is: boolean) => void states.push(is);
    assert.deepEqual(await ask(api.url, { attempts: 3 }, { retrying }), { kind: "rejected", status: 401 });
    assert.equal(api.received.length, 2);
    assert.deepEqual(states, [true, false]);
  });

  test("after the last attempt it stays inconclusive", async (t) => {
    const api = await serve(t, (response) => response.writeHead(500).end());
    assert.equal(reasonOf(await ask(api.url, { attempts: 2 })), "HTTP 500");
    assert.equal(api.received.length, 2);
  });

  for (const status of [200, 401]) {
    test(`a verdict (${status}) is not asked again`, async (t) => {
      const api = await serve(t, (response) => response.writeHead(status).end());
      await ask(api.url, { attempts: 5 });
      assert.equal(api.received.length, 1);
    });
  }

  test("no reason holds the token", async (t: TestContext) => {
    const api = await serve(t, (response, request) => {
      response.writeHead(500).end(request.headers.authorization);
    });
    const reasons = [reasonOf(await ask(api.url)), reasonOf(await ask(await refusingUrl()))];
    assert.ok(reasons.every((reason) => !reason.includes("payload")));
  });
});

/** Sends for as long as the reader takes it. */
function endless(response: import("node:http").ServerResponse): void {
  const more = () => {
    while (!response.destroyed && response.write(Buffer.alloc(65_536)));
  };
  response.on("drain", more);
  more();
}

suite("backoffMs", () => {
  test("it doubles from 200 ms, stops growing at 5 s, and adds up to a quarter", () => {
    for (const [attempt, base] of [
      [1, 200],
      [2, 400],
      [3, 800],
      [6, 5_000],
      [60, 5_000],
    ] as const) {
      const wait = backoffMs(attempt);
      assert.ok(wait >= base && wait <= base * 1.25, `attempt ${attempt}: ${wait}`);
    }
  });
});
