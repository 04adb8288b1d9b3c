import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Instance } from "#operations/fleet/instances";
import { type Startup, startedAfter, startupAfter } from "#operations/fleet/read-startup";
import type { RestartResult } from "#operations/fleet/restart";
import { at } from "../samples.ts";

const pod: Instance = { name: "api-1", url: "http://api-1.shop:8080", target: "shop", uid: "1" };
const listed: Instance = { name: "api-1", url: "http://api-1" };

suite("startedAfter", () => {
  for (const [title, change, expected] of [
    ["a later second", { startedAt: at(1) }, true],
    ["the second before", { startedAt: at(-1) }, false],
    [
      "an earlier second, by a restart that was requested later",
      { startedAt: at(-1), restartedAt: at(0) },
      true,
    ],
    ["an earlier second, of an earlier restart", { startedAt: at(-1), restartedAt: at(-1) }, false],
    ["a container that does not run", { restartedAt: at(1) }, false],
    ["an annotation that is not a time", { startedAt: at(-1), restartedAt: "soon" }, false],
  ] as const) {
    test(`${title}: ${expected}`, () => {
      assert.equal(startedAfter({ ...pod, ...change }, at(0)), expected);
    });
  }

  test("nothing is known of the start of an instance of the static list", () => {
    assert.equal(startedAfter(listed, at(0)), false);
  });
});

suite("startupAfter", () => {
  const seen: Startup = { bootstrap: "seen", startedAt: at(1), line: "JWKS bootstrap ok" };
  const targets = ["static", "shop"].map((name) => ({
    name,
    readStartup: async () => (name === "shop" ? seen : undefined),
  }));
  const look = { bootstrapPattern: "jwks", redact: (text: string) => text };
  const restarted: RestartResult = {
    subject: "api-1",
    because: ["keeps its cache"],
    outcome: "done",
    startedAt: at(2),
    finishedAt: at(3),
    bootstrap: "seen",
  };
  const startupOf = (instance: Instance, ...restarts: RestartResult[]) =>
    startupAfter(targets, instance, { time: at(0), restarts }, look);

  test("is what its target reads in the log, if the instance started later", async () => {
    assert.deepEqual(await startupOf({ ...pod, startedAt: at(1) }), seen);
    assert.equal(await startupOf({ ...pod, startedAt: at(-1) }), undefined);
  });

  test("is the restart of that very instance, if its log has shown the bootstrap", async () => {
    assert.deepEqual(await startupOf(listed, restarted), { bootstrap: "seen", startedAt: at(2) });
    assert.equal(await startupOf(listed, { ...restarted, bootstrap: "not-checked" }), undefined);
    assert.equal(await startupOf(listed, { ...restarted, outcome: "failed" }), undefined);
    assert.equal(await startupOf(listed, { ...restarted, target: "shop" }), undefined);
    assert.equal(await startupOf(listed), undefined);
  });
});
