import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "./world.ts";

test("dynamic providers are configured with the whole stack config, and take resources as inputs", async (context) => {
  const world = await World.open(context, "options");
  await world.stack.setConfig({ greeting: "good evening" });
  const { exitCode, output } = await world.stack.up();
  assert.equal(exitCode, 0, output);
  assert.equal((await world.stack.outputs()).said, "good evening");
});

test("an alias renames a component with its children without replacing them", async (context) => {
  const world = await World.open(context, "options");
  await world.stack.up();
  const before = await world.stack.outputs({ showSecrets: true });
  await world.stack.setConfig({ renamed: true });
  const { exitCode, output } = await world.stack.up();
  assert.equal(exitCode, 0, output);
  assert.deepEqual(await world.stack.outputs({ showSecrets: true }), before);
  const urns = (await world.stack.export()).deployment.resources?.map(({ urn }) => urn) ?? [];
  assert.ok(urns.some((urn) => urn.endsWith("::new-name-key")));
  assert.ok(!urns.some((urn) => urn.includes("old-name")));
});

test("a changed input of a provider type replaces the resource", async (context) => {
  const world = await World.open(context, "options");
  await world.stack.up();
  const before = await world.stack.outputs({ showSecrets: true });
  await world.stack.setConfig({ size: 9 });
  await world.stack.up();
  const after = await world.stack.outputs({ showSecrets: true });
  assert.notEqual(after.key, before.key);
  assert.equal(String(after.key).length, 18);
});

test("explicit providers are resources of their own", async (context) => {
  const world = await World.open(context, "options");
  await world.stack.setConfig({ explicit: true });
  const { exitCode, output } = await world.stack.up();
  assert.equal(exitCode, 0, output);
  const [provider] = await world.statesOf("own");
  assert.equal(provider?.type, "pulumi:providers:random");
  const again = await world.stack.preview(["--expect-no-changes"]);
  assert.equal(again.exitCode, 0, again.output);
  assert.equal((await world.stack.destroy()).exitCode, 0);
});
