import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import { Client } from "undici";
import { type OpenInstance, onEveryInstance } from "#operations/fleet/instances";
import type { OpenLines } from "#operations/fleet/lines";
import { readProcessName } from "#operations/fleet/process-name";
import {
  announcedBy,
  onEveryProcess,
  type Reached,
  reachedBy,
  unreachedProcesses,
} from "#operations/fleet/processes";
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

const never = () => false;

/** An instance of four connections, without a server. */
function inMemory(name: string, of?: number) {
  const lines = { opened: 0, closed: 0 };
  const dispatcher = new Client("http://127.0.0.1");
  const openLines: OpenLines = (count) => {
    lines.opened += count;
    return {
      dispatchers: Array.from({ length: count }, () => dispatcher),
      close: () => {
        lines.closed += 1;
      },
    };
  };
  const processes = new Set<string>();
  const instance: OpenInstance & { processes: Set<string> } = {
    ...{ name: "api-1", url: "http://api-1.example", connections: 4 },
    ...{ dispatcher, openLines, processes },
  };
  const answer = async ({ heard }: OpenInstance) => heard?.({ name, ...(of ? { of } : {}) });
  return { instance, lines, answer };
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

  test("nobody else is asked once an answer shows that it would only cost time", async () => {
    const { instance, lines, answer } = inMemory("w1");
    assert.equal((await onEveryProcess(instance, answer, () => true)).length, 1);
    assert.equal(lines.opened, 0);
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

  test("processes that name themselves and are all found give the verdict that each of them gave", async (t) => {
    const { verdict } = await ask(t, { count: 3, isNamed: true }, []);
    assert.deepEqual(verdict, { kind: "rejected", status: 401 });
  });

  test("a process that is announced and does not answer is looked for in 40 rounds, two connections for each", async (t) => {
    const { verdict, asked } = await ask(t, { count: 3, isNamed: true, announced: 4 }, [], 3);
    assert.equal(
      asked.reduce((sum, count) => sum + count, 0),
      40 * 4 * 2,
    );
    assert.deepEqual(verdict, {
      kind: "inconclusive",
      reason: "only 3 of its 4 processes could be reached",
    });
  });

  test("a process that says that it is the only one has no further connection, and its name is noted", async () => {
    const { instance, lines, answer } = inMemory("w1", 1);
    await onEveryProcess(instance, answer, never);
    assert.deepEqual(lines, { opened: 0, closed: 0 });
    assert.deepEqual([...instance.processes], ["w1"]);
  });

  test("the connections of a round are closed, also where a question over one of them fails", async () => {
    const { instance, lines, answer } = inMemory("w1");
    assert.equal((await onEveryProcess(instance, answer, never)).length, 4);
    assert.deepEqual(lines, { opened: 3, closed: 1 });
    let asked = 0;
    const failing = onEveryProcess(
      instance,
      () => (asked++ ? Promise.reject(new Error("bug")) : answer(instance)),
      never,
    );
    await assert.rejects(failing, /bug/);
    assert.deepEqual(lines, { opened: 6, closed: 2 });
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

suite("how many processes there are", () => {
  for (const [title, counts, announced] of [
    ["nobody says", [undefined, undefined], undefined],
    ["is what the one says that says the most", [2, 4, undefined, 3], 4],
  ] as const)
    test(title, () => {
      const answers = counts.map((of, index) => ({ process: { name: `w${index}`, ...(of ? { of } : {}) } }));
      assert.equal(announcedBy(answers), announced);
    });

  const rows: [Reached, string | undefined][] = [
    [{ connections: 8 }, undefined],
    [{ connections: 8, processes: ["w1", "w2"] }, undefined],
    [{ connections: 8, processes: ["w1", "w2"], announced: 2 }, undefined],
    [{ connections: 8, processes: ["w1", "w2"], announced: 1 }, undefined],
    [{ connections: 8, processes: ["w1"], announced: 2 }, "only 1 of its 2 processes could be reached"],
  ];
  for (const [reached, gap] of rows)
    test(`${JSON.stringify(reached)}: ${gap ?? "all were reached, as far as is known"}`, () =>
      assert.equal(unreachedProcesses(reached), gap));

  test("is not said of processes that have no name", () => {
    assert.deepEqual(reachedBy([{}, {}]), { connections: 2 });
    assert.deepEqual(reachedBy([{ process: { name: "w1" } }, {}]), { connections: 2, processes: ["w1"] });
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
