import {
  changedKeys,
  copySecretMarks,
  isSecret,
  type PropertyMap,
  toPlainMap,
  toSecret,
} from "../property-values.ts";
import {
  type CheckResult,
  type DiffResult,
  type ExistingResource,
  InitError,
  type Provider,
} from "../providers/provider.ts";
import type { ResourceState } from "../state/resource-state.ts";
import { withIgnoredChanges } from "./ignore-changes.ts";

// Providers here know no secrets: marks are taken off on the way in, and put back by name on the way out.

function existing(state: ResourceState): ExistingResource {
  const { urn, type, id = "" } = state;
  return { urn, type, id, inputs: toPlainMap(state.inputs), outputs: toPlainMap(state.outputs) };
}

/** Marks outputs that were asked for by name, or whose input of the same name is secret. */
export function markSecretOutputs(state: ResourceState): void {
  for (const key of state.additionalSecretOutputs) {
    const output = state.outputs[key];
    if (output !== undefined && key !== "id") state.outputs[key] = toSecret(output);
  }
  for (const [key, input] of Object.entries(state.inputs)) {
    const output = state.outputs[key];
    if (output !== undefined && isSecret(input)) state.outputs[key] = toSecret(output);
  }
}

export async function checkInputs(
  provider: Provider,
  state: ResourceState,
  olds: PropertyMap,
  news: PropertyMap,
): Promise<CheckResult> {
  const result = await provider.check(state, toPlainMap(olds), toPlainMap(news));
  copySecretMarks(result.inputs, news);
  return result;
}

/** Asks the provider; if it can't tell, compares the inputs. */
export async function diffResource(
  provider: Provider,
  old: ResourceState,
  news: PropertyMap,
  ignoreChanges: readonly string[],
): Promise<DiffResult> {
  const diff = await provider.diff(existing(old), toPlainMap(news), ignoreChanges);
  if (diff.changes !== "unknown") return diff;
  const keys = changedKeys(old.inputs, withIgnoredChanges(news, old.inputs, ignoreChanges));
  return { ...diff, changes: keys.length > 0 ? "some" : "none", changedKeys: keys };
}

function withMarks(outputs: PropertyMap, state: ResourceState): PropertyMap {
  copySecretMarks(outputs, state.inputs);
  return outputs;
}

function keepPartialState(error: unknown, state: ResourceState): never {
  if (error instanceof InitError) {
    state.outputs = withMarks({ ...error.properties }, state);
    state.initErrors = [...error.reasons];
    markSecretOutputs(state);
  }
  throw error;
}

/** Creates the resource and puts id and outputs into the state, after a failure too if the provider gave any. */
export async function createResource(provider: Provider, state: ResourceState): Promise<void> {
  try {
    const { id, outputs } = await provider.create(state, toPlainMap(state.inputs));
    state.id = id;
    state.outputs = withMarks(outputs, state);
  } catch (error) {
    if (error instanceof InitError) state.id = error.id;
    keepPartialState(error, state);
  }
}

export async function updateResource(
  provider: Provider,
  old: ResourceState,
  state: ResourceState,
): Promise<void> {
  try {
    const outputs = await provider.update(existing(old), toPlainMap(state.inputs));
    state.outputs = withMarks(outputs, state);
  } catch (error) {
    keepPartialState(error, state);
  }
}

/** What a preview shows as outputs. */
export async function previewResource(
  provider: Provider,
  old: ResourceState | undefined,
  state: ResourceState,
): Promise<void> {
  const before = old === undefined ? undefined : existing(old);
  const outputs = await provider.previewOutputs(state, before, toPlainMap(state.inputs));
  state.outputs = withMarks(outputs, state);
  if (old !== undefined) copySecretMarks(state.outputs, old.outputs);
}

export async function deleteResource(provider: Provider, state: ResourceState): Promise<void> {
  await provider.delete(existing(state));
}

/** Reads a resource. Undefined: it is gone. Inputs are kept unless the provider names new ones. */
export async function readResource(
  provider: Provider,
  old: ResourceState,
): Promise<ResourceState | undefined> {
  const { id, outputs, inputs } = await provider.read(existing(old));
  if (id === "") return undefined;
  copySecretMarks(outputs, old.outputs);
  if (inputs !== undefined) copySecretMarks(inputs, old.inputs);
  const state: ResourceState = { ...old, id, outputs, inputs: inputs ?? old.inputs, initErrors: [] };
  markSecretOutputs(state);
  return state;
}
