import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "./world.ts";

test("a resource is created, left alone, updated and deleted as the program asks", async (context) => {
  const world = await World.open(context);
  await world.want([{ name: "a" }]);
  const first = await world.stack.up();
  assert.equal(first.exitCode, 0, first.output);
  assert.deepEqual(world.changes(), ["create a"]);
  assert.deepEqual((await world.stack.outputs()).tokens, { a: "token of one" });

  assert.equal((await world.stack.up()).exitCode, 0);
  assert.deepEqual(
    world.calls().map(({ method }) => method),
    ["check", "diff"],
  );

  await world.want([{ name: "a", value: "two" }]);
  const [before] = await world.statesOf("a");
  assert.equal((await world.stack.up()).exitCode, 0);
  assert.deepEqual(world.changes(), ["update a"]);
  const [after] = await world.statesOf("a");
  assert.equal(after?.id, before?.id);
  assert.equal(after?.outputs?.token, "token of two");

  await world.want([]);
  assert.equal((await world.stack.up()).exitCode, 0);
  assert.deepEqual(world.changes(), ["delete a"]);
  assert.deepEqual(world.things(), []);
});

test("destroy deletes everything and leaves an empty state", async (context) => {
  const world = await World.open(context);
  await world.want([{ name: "a" }, { name: "b", from: "a" }]);
  await world.stack.up();
  world.calls();
  const { exitCode, output } = await world.stack.destroy();
  assert.equal(exitCode, 0, output);
  assert.deepEqual(world.changes(), ["delete b", "delete a"]);
  assert.deepEqual((await world.stack.export()).deployment.resources ?? [], []);
});
