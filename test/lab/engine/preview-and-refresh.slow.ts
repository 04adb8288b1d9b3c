import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "./world.ts";

test("a preview shows what an up would do and touches nothing", async (context) => {
  const world = await World.open(context);
  await world.want([{ name: "a" }]);
  await world.stack.up();
  world.calls();
  const before = world.checkpoint();
  await world.want([
    { name: "a", value: "two" },
    { name: "b", from: "a" },
  ]);
  const { exitCode, output } = await world.stack.preview(["--diff"]);
  assert.equal(exitCode, 0, output);
  assert.deepEqual(world.changes(), []);
  assert.equal(world.checkpoint(), before);
  assert.match(output, /~ value\s*: "one" => "two"/);
  assert.match(output, /from\s*: output<string>|from\s*:.*\[unknown\]/);
  assert.doesNotMatch(output, /__provider/);
});

test("preview --expect-no-changes ends with 7 if there are changes, else with 0", async (context) => {
  const world = await World.open(context);
  await world.want([{ name: "a" }]);
  assert.equal((await world.stack.preview(["--expect-no-changes"])).exitCode, 7);
  await world.stack.up();
  assert.equal((await world.stack.preview(["--expect-no-changes"])).exitCode, 0);
});

test("preview --json lists the steps with secrets masked", async (context) => {
  const world = await World.open(context);
  await world.want([{ name: "vault", secret: true }], {}, { password: "open-sesame-42" });
  const { exitCode, stdout } = await world.stack.preview(["--json"]);
  assert.equal(exitCode, 0);
  const { steps, changeSummary } = JSON.parse(stdout) as {
    steps: { op: string; urn: string }[];
    changeSummary: object;
  };
  assert.ok(steps.some(({ op, urn }) => op === "create" && urn.endsWith("::vault")));
  assert.equal((changeSummary as { create: number }).create, 3);
  assert.doesNotMatch(stdout, /open-sesame-42/);
});

test("a refresh forgets a resource that has vanished, and the next up makes it again", async (context) => {
  const world = await World.open(context);
  await world.want([{ name: "a" }, { name: "b", from: "a" }]);
  await world.stack.up();
  const [state] = await world.statesOf("a");
  await world.vanish(state?.id ?? "");
  const previewed = await world.stack.refresh(["--preview-only", "--expect-no-changes"]);
  assert.equal(previewed.exitCode, 7, previewed.output);
  assert.equal((await world.statesOf("a")).length, 1);
  const refreshed = await world.stack.refresh();
  assert.equal(refreshed.exitCode, 0, refreshed.output);
  assert.deepEqual(await world.statesOf("a"), []);
  assert.deepEqual((await world.statesOf("b"))[0]?.dependencies ?? [], []);
  world.calls();
  assert.equal((await world.stack.up()).exitCode, 0);
  assert.deepEqual(world.changes(), ["create a"]);
});

test("a refresh erases init errors, so that the next up leaves the resource alone", async (context) => {
  const world = await World.open(context);
  await world.behave("create", "a", "unhealthy");
  await world.want([{ name: "a" }]);
  await world.stack.up();
  assert.equal((await world.stack.refresh()).exitCode, 0);
  assert.equal((await world.statesOf("a"))[0]?.initErrors, undefined);
  world.calls();
  assert.equal((await world.stack.up()).exitCode, 0);
  assert.deepEqual(world.changes(), []);
});

test("up --refresh sees drift and puts it right", async (context) => {
  const world = await World.open(context);
  await world.want([{ name: "a" }]);
  await world.stack.up();
  const [state] = await world.statesOf("a");
  await world.vanish(state?.id ?? "");
  world.calls();
  assert.equal((await world.stack.up(["--refresh"])).exitCode, 0);
  assert.deepEqual(world.changes(), ["create a"]);
});
