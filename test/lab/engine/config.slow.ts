import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "./world.ts";

test("declared config needs values or defaults, and all that is missing is named", async (context) => {
  const world = await World.open(context, "typed-config");
  const { exitCode, output } = await world.stack.up();
  assert.notEqual(exitCode, 0);
  assert.match(output, /Stack 'test' is missing configuration values 'count' and 'name'/);
});

test("a value of the wrong type is refused", async (context) => {
  const world = await World.open(context, "typed-config");
  await world.stack.setConfig({ name: "n", count: "many" });
  const { exitCode, output } = await world.stack.up();
  assert.notEqual(exitCode, 0);
  assert.match(output, /configuration key 'count' must be of type 'integer'/);
});

test("a key declared secret must be encrypted", async (context) => {
  const world = await World.open(context, "typed-config");
  await world.stack.setConfig({ name: "n", count: 3, token: "plain" });
  const { exitCode, output } = await world.stack.up();
  assert.notEqual(exitCode, 0);
  assert.match(output, /configuration key 'token' must be encrypted as it's secret/);
});

test("defaults and structured values reach the program", async (context) => {
  const world = await World.open(context, "typed-config");
  await world.stack.setConfig({ name: "n", count: 3, hosts: ["x", "y", "z"] }, { token: "shibboleth" });
  const { exitCode, output } = await world.stack.up();
  assert.equal(exitCode, 0, output);
  const outputs = await world.stack.outputs({ showSecrets: true });
  assert.deepEqual(outputs, {
    count: 3,
    name: "n",
    hosts: ["x", "y", "z"],
    quiet: true,
    token: "shibboleth",
  });
});

test("config set and get work with the stack's file, secrets encrypted", async (context) => {
  const world = await World.open(context, "typed-config");
  await world.stack.setConfig({ name: "n" }, { token: "shibboleth" });
  const options = ["--stack", "test", "--config-file", world.stack.configFile];
  assert.equal((await world.stack.run(["config", "get", "token", ...options])).stdout, "shibboleth");
  assert.equal(
    (await world.stack.run(["config", "set", "--path", "hosts[0]", "first", ...options])).exitCode,
    0,
  );
  const { readFile } = await import("node:fs/promises");
  const file = await readFile(world.stack.configFile, "utf8");
  assert.doesNotMatch(file, /shibboleth/);
  assert.match(file, /secure: v1:/);
  assert.match(file, /- first/);
});

test("a stack that isn't there ends with 6", async (context) => {
  const world = await World.open(context, "typed-config");
  const { exitCode, output } = await world.stack.run(["preview", "--stack", "nobody"]);
  assert.equal(exitCode, 6, output);
});
