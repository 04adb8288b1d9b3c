import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { until, World } from "./world.ts";

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function childrenOf(pid: number): Promise<number[]> {
  const { readdirSync, readFileSync } = await import("node:fs");
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((candidate) => {
      try {
        return (
          readFileSync(`/proc/${candidate}/stat`, "utf8")
            .replace(/^.*\) /s, "")
            .split(" ")[1] === String(pid)
        );
      } catch {
        return false;
      }
    });
}

test("after a kill -9 in the middle of a create the next up says so and works", async (context) => {
  const world = await World.open(context);
  await world.behave("create", "a", "hang");
  await world.want([{ name: "a" }]);
  const child = world.stack.spawnUp();
  const pid = child.pid ?? 0;
  const exited = once(child, "exit");
  await until(() => world.things().length === 1, "the create has begun");
  const children = await childrenOf(pid);
  assert.ok(world.stack.engine === "pulumi" || children.length === 2);
  // Only the engine is killed: its children must notice by themselves.
  process.kill(pid, "SIGKILL");
  await exited;
  await until(() => !children.some(isAlive), "the children are gone");

  const { deployment } = await world.stack.export();
  assert.deepEqual(
    deployment.pending_operations?.map(({ type }) => type),
    ["creating"],
  );
  if (world.stack.engine === "pulumi") await world.stack.cancel();
  await world.behave("create", "a", "");
  world.calls();
  const { exitCode, output } = await world.stack.up();
  assert.equal(exitCode, 0, output);
  assert.match(output, /::a, interrupted while creating/);
  if (world.stack.engine === "local") assert.match(output, /its lock is taken over/);
  assert.deepEqual(world.changes(), ["create a"]);
  // An interrupted creation stays listed: nobody but the user knows what became of it.
  assert.equal((await world.stack.export()).deployment.pending_operations?.length, 1);
  await world.stack.refresh(["--clear-pending-creates"]);
  assert.equal((await world.stack.export()).deployment.pending_operations, undefined);
});

test("SIGINT lets the step under way finish, saves it and starts nothing more", async (context) => {
  const world = await World.open(context);
  await world.behave("create", "a", "slow");
  await world.want([{ name: "a" }, { name: "b", dependsOn: ["a"] }]);
  const child = world.stack.spawnUp();
  await until(() => world.things().length === 1, "the create has begun");
  child.kill("SIGINT");
  const [code] = (await once(child, "exit")) as [number];
  assert.notEqual(code, 0);
  assert.equal((await world.statesOf("a")).length, 1);
  assert.deepEqual(world.changes(), ["create a"]);
});

test("a stack in use is locked", async (context) => {
  const world = await World.open(context);
  await world.behave("create", "a", "hang");
  await world.want([{ name: "a" }]);
  const child = world.stack.spawnUp();
  const exited = once(child, "exit");
  await until(() => world.things().length === 1, "the create has begun");
  const second = await world.stack.up();
  assert.notEqual(second.exitCode, 0);
  assert.match(second.output, /the stack is currently locked by 1 lock/);
  process.kill(-(child.pid ?? 0), "SIGKILL");
  await exited;
});
