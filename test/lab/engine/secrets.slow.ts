import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "./world.ts";

const PASSWORD = "open-sesame-0815";
const MASK = "[secret]";

test("secrets are encrypted in the checkpoint, re-marked in outputs, and never shown", async (context) => {
  const world = await World.open(context);
  await world.want([{ name: "vault", secret: true }], {}, { password: PASSWORD });
  const shown: string[] = [];
  for (const run of [await world.stack.preview(["--diff"]), await world.stack.up(["--diff"])]) {
    assert.equal(run.exitCode, 0, run.output);
    shown.push(run.output);
  }
  await world.want([{ name: "vault", secret: true, value: "two" }], {}, { password: `${PASSWORD}-changed` });
  shown.push((await world.stack.up(["--diff"])).output);
  const outputs = await world.stack.outputs();
  assert.equal(outputs.password, MASK);
  assert.equal(outputs.keyBase64, MASK);
  const secret = await world.stack.outputs({ showSecrets: true });
  assert.equal(secret.password, `${PASSWORD}-changed`);
  assert.equal(Buffer.from(String(secret.keyBase64), "base64").length, 32);

  for (const text of [...shown, world.checkpoint(), JSON.stringify(await world.stack.export())]) {
    assert.ok(!text.includes(PASSWORD), "the password is shown");
    assert.ok(!text.includes(String(secret.keyBase64)), "the generated key is shown");
  }
  const [state] = await world.statesOf("vault");
  assert.match(JSON.stringify(state?.outputs?.password), /"ciphertext"/);
});

test("an output that the program calls secret is encrypted and masked", async (context) => {
  const world = await World.open(context);
  const options = { additionalSecretOutputs: ["token"] };
  await world.want([{ name: "a", options }]);
  const { exitCode, output } = await world.stack.up(["--diff"]);
  assert.equal(exitCode, 0, output);
  await world.want([{ name: "a", options, value: "two" }]);
  const updated = await world.stack.up(["--diff"]);
  for (const text of [output, updated.output, world.checkpoint()])
    assert.doesNotMatch(text, /token of (one|two)/);
  assert.deepEqual((await world.stack.outputs({ showSecrets: true })).tokens, { a: "token of two" });
});
