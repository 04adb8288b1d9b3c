import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { Clock } from "#operations/base/clock";
import { describeWatch, isRelapsed, relapseError } from "#operations/proof/relapse";
import { type WatchRequest, watchForRelapse } from "#operations/proof/watch";
import { keycloakStandIn } from "../keycloak-stand-in.ts";
import { type Answer, refusingUrl, sendJson, serve } from "../loopback-server.ts";
import { staticFleet } from "../samples.ts";
import { serveBySeveral } from "../several-processes.ts";
import { signingRealm } from "../signing-realm.ts";

const realm = await signingRealm({ old: "RS256", new: "RS256" });
const canary = await realm.mint("old");
const [clean, stale] = [realm.jwks("new"), realm.jwks("old", "new")];

/** Time passes only while somebody waits. */
function movedClock(onDelay: (now: number) => void = () => undefined): Clock & { elapsed(): number } {
  const start = Date.parse("2026-01-01T10:00:00Z");
  let now = start;
  return {
    now: () => now,
    elapsed: () => now - start,
    delay: async (ms) => {
      now += ms;
      onDelay(now - start);
      await turn();
    },
  };
}

const rejects: Answer = (response) => response.writeHead(401).end();

async function setUp(t: TestContext, change: Partial<WatchRequest> = {}) {
  const { admin } = await keycloakStandIn(t, {});
  const [api, jwks] = [await serve(t, rejects), await serve(t, (response) => sendJson(response, 200, clean))];
  const lines: string[] = [];
  const request: WatchRequest = {
    ...{ canaries: [canary], kids: ["old"], seconds: 30 },
    fleet: staticFleet({ name: "api-1", url: api.url }),
    jwksUris: [`${jwks.url}/jwks`],
    clock: movedClock(),
    progress: (line) => lines.push(line),
    ...change,
  };
  return { api, jwks, lines, watch: () => watchForRelapse(admin, request) };
}

suite("the watch after a proof", () => {
  test("asks everybody every 5 s, the last time when the time is over, and is clean where no key comes back", async (t) => {
    const clock = movedClock();
    const { api, jwks, lines, watch } = await setUp(t, { clock });
    const { startedAt, finishedAt, ...found } = await watch();
    assert.deepEqual(found, {
      ...{ seconds: 30, rounds: 6, instances: 1, urls: found.urls, cutShort: false },
      ...{ relapses: [], jwks: [], unanswered: [] },
    });
    assert.deepEqual([clock.elapsed(), Date.parse(finishedAt) - Date.parse(startedAt)], [30_000, 30_000]);
    assert.deepEqual([api.received.length, jwks.received.length], [6, 30]);
    assert.deepEqual(
      lines,
      [30, 25, 20, 15, 10, 5].map((left) => `proven; watching for a relapse, ${left} s left`),
    );
  });

  test("that is shorter than 5 s asks once, at its end", async (t) => {
    const clock = movedClock();
    const { api, lines, watch } = await setUp(t, { seconds: 3, clock });
    assert.equal((await watch()).rounds, 1);
    assert.deepEqual([api.received.length, clock.elapsed(), lines.length], [1, 3_000, 1]);
  });

  test("asks over a new connection each time", async (t) => {
    const connections = new Set<number>();
    const server = await serveBySeveral(t, { count: 100 }, (response, _request, process) => {
      connections.add(process);
      response.writeHead(401).end();
    });
    const { watch } = await setUp(t, { fleet: staticFleet({ name: "api-1", url: server.url }) });
    await watch();
    assert.equal(connections.size, 6);
  });

  test("names the process of several that takes the token again, and ends with that round", async (t) => {
    const clock = movedClock();
    const relapsed = (process: number) => clock.elapsed() >= 10_000 && process === 3;
    const server = await serveBySeveral(t, { count: 4, isNamed: true }, (response, _request, process) =>
      response.writeHead(relapsed(process) ? 200 : 401).end(),
    );
    const fleet = staticFleet({ name: "api-1", url: server.url }, { name: "api-2", url: await sound(t) });
    const { watch } = await setUp(t, { fleet, clock });
    const result = await watch();
    assert.deepEqual(
      result.relapses.map(({ instance, kid, process, spread }) => [
        ...[instance, kid, process, spread?.processes],
      ]),
      [["api-1", "old", "w3", { w0: "rejected", w1: "rejected", w2: "rejected", w3: "accepted" }]],
    );
    assert.deepEqual([result.rounds, clock.elapsed(), result.cutShort], [2, 10_000, false]);
    const { code, message } = relapseError(result, "report.md");
    assert.equal(code, "RELAPSED");
    assert.match(
      message,
      /api-1 \(process w3\) accepts retired kid old again .*\n {2}Report: report\.md\. Next: find/,
    );
  });

  test("says over how many connections a process without a name takes it", async (t) => {
    const server = await serveBySeveral(t, { count: 4 }, (response, _request, process) =>
      response.writeHead(process === 3 ? 200 : 401).end(),
    );
    const fleet = staticFleet({ name: "api-1", url: server.url, connections: 8 });
    const { watch } = await setUp(t, { fleet });
    assert.match(
      describeWatch(await watch()),
      /^RELAPSE: api-1 \(over 2 of 8 connections\) accepts retired kid old/,
    );
  });

  test("names the JWKS URL that shows the retired kid again, even in one read of five", async (t) => {
    const cdn = await serve(t, (response, _request, count) =>
      sendJson(response, 200, count === 8 ? stale : clean),
    );
    const own = await serve(t, (response) => sendJson(response, 200, clean));
    const jwksUris = [`${own.url}/certs`, `${cdn.url}/jwks`];
    const result = await (await setUp(t, { jwksUris })).watch();
    assert.deepEqual(
      result.jwks.map(({ url, kids, reads, shownIn }) => [url, kids, reads, shownIn]),
      [[`${cdn.url}/jwks`, ["old"], 5, 1]],
    );
    assert.deepEqual([result.rounds, result.relapses, isRelapsed(result)], [2, [], true]);
    assert.match(relapseError(result).message, /\/jwks shows retired kid old again, in 1 of 5 reads/);
  });

  test("counts who does not answer, and takes it for no relapse", async (t) => {
    const broken = await serve(t, (response) => response.writeHead(500).end());
    const [gone, gonesKeys] = [await refusingUrl(), await refusingUrl()];
    const fleet = staticFleet({ name: "api-1", url: broken.url }, { name: "api-2", url: gone });
    const result = await (await setUp(t, { fleet, jwksUris: [`${gonesKeys}/jwks`], seconds: 10 })).watch();
    assert.deepEqual(
      result.unanswered.map(({ from, count }) => [from, count]).toSorted(),
      [
        ["api-1", 2],
        ["api-2", 2],
        [`${gonesKeys}/jwks`, 10],
      ].toSorted(),
    );
    assert.deepEqual([isRelapsed(result), result.cutShort, result.rounds], [false, false, 2]);
    assert.match(describeWatch(result), /^no relapse in 10 s .*; unanswered: 14 questions$/);
  });

  test("that is cut short while it waits ends at once, and says how long it went on", async (t) => {
    const cut = new AbortController();
    const clock = movedClock((elapsed) => {
      if (elapsed === 15_000) cut.abort();
    });
    const { api, watch } = await setUp(t, { clock, cut: cut.signal });
    const result = await watch();
    assert.deepEqual([result.cutShort, result.rounds, api.received.length], [true, 2, 2]);
    assert.match(describeWatch(result), /^the watch was cut short after 15 of 30 s; no relapse until then/);
  });

  test("that is cut short in a round does not wait for an instance that hangs", async (t) => {
    const cut = new AbortController();
    const hanging = await serve(t, () => cut.abort());
    const fleet = staticFleet({ name: "api-1", url: hanging.url });
    const began = Date.now();
    const result = await (await setUp(t, { fleet, cut: cut.signal })).watch();
    assert.deepEqual([result.cutShort, result.rounds], [true, 0]);
    assert.ok(Date.now() - began < fleet.probe.timeoutMs);
  });

  test("without a canary token reads the JWKS URLs only", async (t) => {
    const { api, watch } = await setUp(t, { canaries: [] });
    const result = await watch();
    assert.deepEqual([api.received.length, result.rounds, result.urls.length], [0, 6, 1]);
  });
});

async function sound(t: TestContext): Promise<string> {
  return (await serve(t, rejects)).url;
}
