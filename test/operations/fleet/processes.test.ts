import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import { onEveryInstance } from "#operations/fleet/instances";
import { readProcessName } from "#operations/fleet/process-name";
import { refreshInstance } from "#operations/fleet/refresh";
import { probeEveryProcess } from "#operations/proof/live-token";
import type { SpreadVerdict } from "#operations/proof/spread";
import { probeSettings, refreshSettings } from "../samples.ts";
import { type ProcessOptions, serveBySeveral } from "../several-processes.ts";

const token = "a-token";

interface Asked extends SpreadVerdict {
  /** Requests that each process has had. */
  asked: number[];
}

/** @param accepting which processes accept the token */
async function ask(
  t: TestContext,
  options: ProcessOptions,
  accepting: readonly number[],
  connections = 8,
): Promise<Asked> {
  const asked = Array.from({ length: options.count }, () => 0);
  const server = await serveBySeveral(t, options, (response, _request, process) => {
    asked[process] = (asked[process] ?? 0) + 1;
    response.writeHead(accepting.includes(process) ? 200 : 401).end();
  });
  const instance = { name: "api-1", url: server.url, connections };
  const [verdict] = await onEveryInstance([instance], 1, (open) =>
    probeEveryProcess(open, probeSettings, token, "rejected"),
  );
  assert.ok(verdict);
  return { ...verdict, asked };
}

suite("onEveryProcess", () => {
  test("one of four processes that accepts is found, although the first connection leads to another", async (t) => {
    const { verdict, spread } = await ask(t, { count: 4 }, [3]);
    assert.equal(verdict.kind, "accepted");
    assert.deepEqual(spread, { accepted: 2, rejected: 6, inconclusive: 0 });
  });

  test("a connection that the server has closed is made again for the next question", async (t) => {
    const { verdict, asked } = await ask(t, { count: 4, closes: true }, [2]);
    assert.deepEqual([verdict.kind, asked], ["accepted", [2, 2, 2, 2]]);
  });

  test("a process that says that it is the only one is asked once", async (t) => {
    const { verdict, spread, asked } = await ask(t, { count: 1, isNamed: true }, []);
    assert.deepEqual([verdict.kind, spread, asked], ["rejected", undefined, [1]]);
  });

  test("an instance with one connection is asked once", async (t) => {
    const { asked } = await ask(t, { count: 4 }, [], 1);
    assert.deepEqual(asked, [1, 0, 0, 0]);
  });

  test("an instance that does not answer is not asked over further connections", async (t) => {
    let connections = 0;
    const server = await serveBySeveral(t, { count: 4 }, (response) => {
      connections += 1;
      response.destroy();
    });
    const instance = { name: "api-1", url: server.url, connections: 8 };
    await onEveryInstance([instance], 1, (open) => probeEveryProcess(open, probeSettings, token, "rejected"));
    assert.equal(connections, 1);
  });

  test("processes that name themselves are counted, each with its answer", async (t) => {
    const { verdict, spread } = await ask(t, { count: 3, isNamed: true }, [2]);
    assert.equal(verdict.kind, "accepted");
    assert.deepEqual(spread?.processes, { w0: "rejected", w1: "rejected", w2: "accepted" });
    assert.equal(spread.announced, 3);
  });

  test("more processes than connections are all found, because they say how many they are", async (t) => {
    const { verdict, spread } = await ask(t, { count: 20, isNamed: true }, [19]);
    assert.equal(verdict.kind, "accepted");
    assert.equal(Object.keys(spread?.processes ?? {}).length, 20);
  });

  test("fewer processes than announced are no verdict", async (t) => {
    const { verdict } = await ask(t, { count: 3, isNamed: true, announced: 4 }, []);
    assert.deepEqual(verdict, {
      kind: "inconclusive",
      reason: "only 3 of its 4 processes could be reached",
    });
  });

  test("a refresh reaches each process, and fails where one of them fails", async (t) => {
    const refreshed = new Set<number>();
    const server = await serveBySeveral(t, { count: 4 }, (response, _request, process) => {
      refreshed.add(process);
      response.writeHead(process === 2 ? 404 : 204).end();
    });
    const instance = { name: "api-1", url: server.url, connections: 8 };
    const [result] = await onEveryInstance([instance], 1, (open) =>
      refreshInstance(open, refreshSettings, ["refresh-token"], { present: [], absent: [] }),
    );
    assert.equal(refreshed.size, 4);
    assert.deepEqual([result?.outcome, result?.reached], ["failed", { connections: 8 }]);
    assert.match(result?.reason ?? "", /over 2 of 8 connections/);
  });

  test("a name that holds the token that the process was shown is not kept", async (t) => {
    const secret = "refresh-token-0123456789";
    const server = await serveBySeveral(t, { count: 1 }, (response) => {
      response.writeHead(204, { "JWKS-Process": `${secret}; of=2` }).end();
    });
    const instance = { name: "api-1", url: server.url, connections: 2 };
    const [result] = await onEveryInstance([instance], 1, (open) =>
      refreshInstance(open, refreshSettings, [secret], { present: [], absent: [] }),
    );
    assert.ok(!JSON.stringify(result).includes(secret));
  });
});

suite("readProcessName", () => {
  for (const [header, name] of [
    ["w3; of=4", { name: "w3", of: 4 }],
    ["4711;of=1", { name: "4711", of: 1 }],
    ['"api@host 7"; of=12; v="x"', { name: "api@host 7", of: 12 }],
    ["w3", { name: "w3" }],
    ["w3; of=0", { name: "w3" }],
    ["w3; of=99999", { name: "w3" }],
    ["", undefined],
    ["; of=4", undefined],
    ["x".repeat(101), undefined],
    [undefined, undefined],
  ] as const) {
    test(`"${header}" is ${JSON.stringify(name)}`, () => assert.deepEqual(readProcessName(header), name));
  }
});
