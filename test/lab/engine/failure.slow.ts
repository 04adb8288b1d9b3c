import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "./world.ts";

test("a failed create leaves no trace, skips dependents, and lets what is under way finish", async (context) => {
  const world = await World.open(context);
  await world.behave("create", "a", "fail");
  await world.behave("create", "slow", "slow");
  await world.want([{ name: "slow" }, { name: "a" }, { name: "b", dependsOn: ["a"] }]);
  const { exitCode, output } = await world.stack.up();
  assert.equal(exitCode, 1);
  assert.match(output, /a can't be created/);
  assert.deepEqual(await world.statesOf("a"), []);
  assert.equal((await world.statesOf("slow")).length, 1);
  assert.ok(!world.changes().includes("create b"));
});

test("a resource that exists but is unhealthy is kept, and the next up updates it", async (context) => {
  const world = await World.open(context);
  await world.behave("create", "a", "unhealthy");
  await world.want([{ name: "a" }]);
  const failed = await world.stack.up();
  assert.equal(failed.exitCode, 1);
  assert.match(failed.output, /a is not healthy yet/);
  const [state] = await world.statesOf("a");
  assert.deepEqual(state?.initErrors, ["a is not healthy yet"]);
  assert.equal(state?.outputs?.token, "token of one");
  world.calls();

  assert.equal((await world.stack.up()).exitCode, 0);
  assert.deepEqual(world.changes(), ["update a"]);
  assert.equal((await world.statesOf("a"))[0]?.initErrors, undefined);
});

test("a failed update keeps the old state", async (context) => {
  const world = await World.open(context);
  await world.want([{ name: "a" }]);
  await world.stack.up();
  await world.behave("update", "a", "fail");
  await world.want([{ name: "a", value: "two" }]);
  assert.equal((await world.stack.up()).exitCode, 1);
  assert.equal((await world.statesOf("a"))[0]?.inputs?.value, "one");
});

test("bad inputs are reported with property and reason, before anything is touched", async (context) => {
  const world = await World.open(context);
  await world.want([{ name: "a", value: "bad" }]);
  const { exitCode, output } = await world.stack.up();
  assert.equal(exitCode, 1);
  assert.match(output, /property value value .*bad.* has a problem: must not be bad/);
  assert.deepEqual(world.changes(), []);
});

test("a program that fails deletes nothing", async (context) => {
  const world = await World.open(context);
  await world.want([{ name: "a" }]);
  await world.stack.up();
  world.calls();
  await world.want([{ name: "b" }], { throwAtEnd: true });
  const { exitCode, output } = await world.stack.up();
  assert.equal(exitCode, 1);
  assert.match(output, /the program gives up/);
  assert.ok(!world.changes().includes("delete a"));
  assert.equal((await world.statesOf("a")).length, 1);
});

test("a resource type that the engine doesn't know is refused with a way out", async (context) => {
  const world = await World.open(context, "unknown-type");
  const { exitCode, output } = await world.stack.up();
  assert.equal(exitCode, 1);
  if (world.stack.engine === "local")
    assert.match(output, /nowhere:index\/nothing:Nothing.*use the Pulumi CLI/);
});
