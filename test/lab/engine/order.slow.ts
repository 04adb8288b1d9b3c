import assert from "node:assert/strict";
import { test } from "node:test";
import { type Call, World } from "./world.ts";

function indexOf(calls: Call[], method: string, name: string, edge: Call["edge"]): number {
  return calls.findIndex((call) => call.method === method && call.name === name && call.edge === edge);
}

test("dependsOn holds the order, while independent resources run at the same time", async (context) => {
  const world = await World.open(context);
  await world.behave("create", "a", "slow");
  await world.behave("create", "b", "slow");
  await world.want([{ name: "a" }, { name: "b" }, { name: "after", dependsOn: ["a", "b"] }]);
  const { exitCode, output } = await world.stack.up();
  assert.equal(exitCode, 0, output);
  const calls = world.calls();
  const lastStart = Math.max(indexOf(calls, "create", "a", "start"), indexOf(calls, "create", "b", "start"));
  const ends = ["a", "b"].map((name) => indexOf(calls, "create", name, "end"));
  assert.ok(lastStart < Math.min(...ends), "a and b did not overlap");
  assert.ok(indexOf(calls, "create", "after", "start") > Math.max(...ends), "after did not wait");
});

test("with --parallel 1 nothing overlaps", async (context) => {
  const world = await World.open(context);
  await world.behave("create", "a", "slow");
  await world.want([{ name: "a" }, { name: "b" }]);
  assert.equal((await world.stack.up(["--parallel", "1"])).exitCode, 0);
  const creates = world.calls().filter(({ method }) => method === "create");
  assert.deepEqual(
    creates.map(({ edge }) => edge),
    ["start", "end", "start", "end"],
  );
});

test("deletes run after everything else, dependents first", async (context) => {
  const world = await World.open(context);
  await world.want([
    { name: "a" },
    { name: "b", from: "a" },
    { name: "c", dependsOn: ["b"] },
    { name: "d", component: "group" },
  ]);
  await world.stack.up();
  world.calls();
  await world.want([{ name: "new" }]);
  assert.equal((await world.stack.up()).exitCode, 0);
  const changes = world.changes();
  assert.equal(changes[0], "create new");
  const chain = changes.filter((change) => /delete [abc]/.test(change));
  assert.deepEqual(chain, ["delete c", "delete b", "delete a"]);
  assert.ok(changes.includes("delete d"));
});

test("retainOnDelete forgets a resource without deleting it", async (context) => {
  const world = await World.open(context);
  await world.want([{ name: "a", options: { retainOnDelete: true } }]);
  await world.stack.up();
  world.calls();
  await world.want([]);
  assert.equal((await world.stack.up()).exitCode, 0);
  assert.deepEqual(world.changes(), []);
  assert.equal(world.things().length, 1);
  assert.deepEqual(await world.statesOf("a"), []);
});

test("ignoreChanges keeps the old value", async (context) => {
  const world = await World.open(context);
  await world.want([{ name: "a", value: "one", options: { ignoreChanges: ["value"] } }]);
  await world.stack.up();
  world.calls();
  await world.want([{ name: "a", value: "two", options: { ignoreChanges: ["value"] } }]);
  assert.equal((await world.stack.up()).exitCode, 0);
  assert.deepEqual(world.changes(), []);
  assert.deepEqual((await world.stack.outputs()).values, { a: "one" });
});
