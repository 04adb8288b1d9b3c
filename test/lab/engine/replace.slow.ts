import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "./world.ts";

test("a replacement is created before anything else follows, and the old resource is deleted last", async (context) => {
  const world = await World.open(context);
  const things = (kind: string) => [
    { name: "a", kind },
    { name: "b", from: "a", value: kind },
  ];
  await world.want(things("x"));
  await world.stack.up();
  world.calls();
  await world.want(things("y"));
  const { exitCode, output } = await world.stack.up();
  assert.equal(exitCode, 0, output);
  assert.deepEqual(world.changes(), ["create a", "update b", "delete a"]);
  assert.equal((await world.statesOf("a")).length, 1);
  assert.equal(world.things().length, 2);
});

test("with deleteBeforeReplace the dependents that must be replaced are deleted first, and nothing else", async (context) => {
  const world = await World.open(context);
  const things = (kind: string) => [
    { name: "a", kind, deleteFirst: true },
    { name: "b", kindFrom: "a" },
    { name: "c", dependsOn: ["a"] },
    { name: "d", from: "a" },
  ];
  await world.want(things("x"));
  await world.stack.up();
  world.calls();
  await world.want(things("y"));
  const { exitCode, output } = await world.stack.up();
  assert.equal(exitCode, 0, output);
  assert.deepEqual(world.changes(), ["delete b", "delete a", "create a", "create b"]);
  assert.equal(world.things().length, 4);
  const { resources = [] } = (await world.stack.export()).deployment;
  assert.ok(!resources.some((state) => "pendingReplacement" in state || state.delete));
});

test("the deleteBeforeReplace option overrides the provider", async (context) => {
  const world = await World.open(context);
  const things = (kind: string) => [{ name: "a", kind, options: { deleteBeforeReplace: true } }];
  await world.want(things("x"));
  await world.stack.up();
  world.calls();
  await world.want(things("y"));
  await world.stack.up();
  assert.deepEqual(world.changes(), ["delete a", "create a"]);
});

test("a replacement whose creation fails is finished by the next up, without a second delete", async (context) => {
  const world = await World.open(context);
  await world.want([{ name: "a", kind: "x", deleteFirst: true }]);
  await world.stack.up();
  await world.behave("create", "a", "fail");
  await world.want([{ name: "a", kind: "y", deleteFirst: true }]);
  world.calls();
  assert.equal((await world.stack.up()).exitCode, 1);
  assert.deepEqual(world.changes(), ["delete a", "create a"]);
  await world.behave("create", "a", "");
  assert.equal((await world.stack.up()).exitCode, 0);
  assert.deepEqual(world.changes(), ["create a"]);
});

test("protected resources are neither replaced nor deleted", async (context) => {
  const world = await World.open(context);
  await world.want([{ name: "a", kind: "x", options: { protect: true } }, { name: "b" }]);
  await world.stack.up();
  world.calls();
  await world.want([{ name: "a", kind: "y", options: { protect: true } }, { name: "b" }]);
  const replaced = await world.stack.up();
  assert.equal(replaced.exitCode, 1);
  assert.match(replaced.output, /protect/);
  await world.want([]);
  const deleted = await world.stack.up();
  assert.equal(deleted.exitCode, 1);
  assert.match(deleted.output, /cannot be deleted\s+.*because it is protected/s);
  assert.equal((await world.statesOf("a")).length, 1);
  assert.ok(!world.changes().includes("delete a"));
});
