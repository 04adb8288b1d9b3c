import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import { examineFreeze, type FreezeExam } from "#operations/doctor/freeze";
import { UndoGuard } from "#operations/doctor/undo-guard";
import { openTargets } from "#operations/fleet/targets";
import { type Answer as Reply, serve } from "../loopback-server.ts";
import { staticFleet } from "../samples.ts";

/** Tries the freeze of one instance that answers like this; gives the findings, and the requests that it got. */
async function freezeOne(t: TestContext, reply: Reply, change: Partial<FreezeExam> = {}) {
  const server = await serve(t, reply);
  const fleet = staticFleet({ name: "api-1", url: server.url });
  const examined = await examineFreeze(await openTargets(fleet.targets), {
    realm: "shop",
    freeze: "api",
    path: "/internal/admin/freeze",
    fleet: { ...fleet, refresh: { ...fleet.refresh, timeoutMs: 300 } },
    isFrozen: false,
    isConcerned: () => true,
    guard: new UndoGuard(),
    ...change,
  });
  const found = examined.findings.map(({ severity, what }) => `${severity}: ${what}`);
  return { found, seen: examined.seen, methods: server.received.map(({ method }) => method) };
}

suite("examineFreeze", () => {
  test("an instance is frozen, and thawed at once", async (t) => {
    const { found, methods } = await freezeOne(t, (response) => response.writeHead(204).end());
    assert.deepEqual([found, methods], [[], ["PUT", "DELETE"]]);
  });

  test("an instance without the operation is found, and has nothing to be undone", async (t) => {
    const { found, methods } = await freezeOne(t, (response) => response.writeHead(404).end());
    assert.deepEqual(methods, ["PUT"]);
    assert.deepEqual(found, [
      "problem: 1 of 1 instances can't be frozen: api-1 (HTTP 404: the instance does not expose the freeze operation)",
    ]);
  });

  test("a freeze that got no answer may have worked, so it is undone as well", async (t) => {
    const { found, methods } = await freezeOne(t, (response, { method }) => {
      if (method === "DELETE") response.writeHead(204).end();
    });
    assert.deepEqual(methods, ["PUT", "DELETE"]);
    assert.equal(found.length, 1);
  });

  test("an instance that does not thaw is asked several times, and is the worst thing that can be found", async (t) => {
    const { found, methods } = await freezeOne(t, (response, { method }) => {
      response.writeHead(method === "PUT" ? 204 : 500).end();
    });
    assert.deepEqual(methods, ["PUT", "DELETE", "DELETE", "DELETE", "DELETE"]);
    assert.match(found.join(), /^critical: 1 instances ARE FROZEN NOW, .*: api-1 \(HTTP 500/);
  });

  test("the freeze of an emergency is not undone: nothing is sent, and that is said", async (t) => {
    const answer: Reply = (response) => response.writeHead(204).end();
    const { found, methods } = await freezeOne(t, answer, { isFrozen: true });
    assert.deepEqual(methods, []);
    assert.match(found.join(), /^warning: realm shop was frozen/);
  });

  test("one that answers to neither may be frozen", async (t) => {
    const { found } = await freezeOne(t, () => undefined);
    assert.deepEqual(
      found.map((text) => text.split(":")[0]),
      ["problem", "critical"],
    );
  });

  for (const [why, change] of [
    ["where the config freezes no instance", { freeze: "keycloak" }],
    ["where the instance has not answered before", { isConcerned: () => false }],
  ] as [string, Partial<FreezeExam>][]) {
    test(`nothing is sent ${why}`, async (t) => {
      const { found, methods } = await freezeOne(t, (response) => response.writeHead(204).end(), change);
      assert.deepEqual([found, methods], [[], []]);
    });
  }
});
