import assert from "node:assert/strict";
import { test } from "node:test";
import { toSecret } from "../../../scripts/lab/engine/property-values.ts";
import { fromDeployment, toDeployment } from "../../../scripts/lab/engine/state/checkpoint.ts";
import type { ResourceState } from "../../../scripts/lab/engine/state/resource-state.ts";
import { crypterForSalt, newCrypter } from "../../../scripts/stack-file/passphrase.ts";

const state: ResourceState = {
  urn: "urn:pulumi:s::p::t:m:T::n",
  custom: true,
  id: "1",
  type: "t:m:T",
  inputs: { open: "seen", hidden: toSecret({ inner: ["deep-secret"] }) },
  outputs: { list: [toSecret("deep-secret")] },
  dependencies: [],
  initErrors: [],
  propertyDependencies: {},
  additionalSecretOutputs: [],
  ignoreChanges: [],
  replaceOnChanges: [],
};

test("a state survives the checkpoint, its secrets only as ciphertext", async () => {
  const crypter = await newCrypter("a passphrase");
  const deployment = toDeployment({ resources: [state], pendingOperations: [] }, crypter);
  const text = JSON.stringify(deployment);
  assert.doesNotMatch(text, /deep-secret/);
  assert.match(text, /"ciphertext":"v1:/);
  const again = fromDeployment(JSON.parse(text), await crypterForSalt("a passphrase", crypter.salt));
  assert.deepEqual(again.resources, [state]);
});

test("an unchanged secret keeps its ciphertext, so that checkpoints can be compared", async () => {
  const crypter = await newCrypter("a passphrase");
  const snapshot = { resources: [state], pendingOperations: [] };
  const [first, second] = [toDeployment(snapshot, crypter), toDeployment(snapshot, crypter)];
  assert.deepEqual(first.resources, second.resources);
});

test("another passphrase does not open the state", async () => {
  const { salt } = await newCrypter("a passphrase");
  await assert.rejects(crypterForSalt("another", salt), /incorrect passphrase/);
});
