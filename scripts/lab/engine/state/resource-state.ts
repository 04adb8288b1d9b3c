import type { PropertyMap } from "../property-values.ts";

/** A resource as the checkpoint knows it, with decrypted properties. Identity matters: steps refer to objects. */
export interface ResourceState {
  urn: string;
  custom: boolean;
  /** Replaced already; waits to be deleted. */
  delete?: boolean;
  id?: string;
  type: string;
  inputs: PropertyMap;
  outputs: PropertyMap;
  parent?: string;
  protect?: boolean;
  external?: boolean;
  dependencies: string[];
  initErrors: string[];
  provider?: string;
  propertyDependencies: Record<string, string[]>;
  /** Deleted already, to be replaced; the replacement has not been made yet. */
  pendingReplacement?: boolean;
  additionalSecretOutputs: string[];
  aliases?: string[];
  retainOnDelete?: boolean;
  deletedWith?: string;
  created?: string;
  modified?: string;
  ignoreChanges: string[];
  replaceOnChanges: string[];
}

export type OperationType = "creating" | "updating" | "deleting" | "reading";

export interface PendingOperation {
  resource: ResourceState;
  type: OperationType;
}

export interface Snapshot {
  resources: ResourceState[];
  pendingOperations: PendingOperation[];
}

export function emptySnapshot(): Snapshot {
  return { resources: [], pendingOperations: [] };
}

/** Every URN that a resource depends on, its parent and provider excepted. */
export function dependenciesOf(state: ResourceState): Set<string> {
  const direct = [...state.dependencies, ...Object.values(state.propertyDependencies).flat()];
  return new Set(state.deletedWith === undefined ? direct : [...direct, state.deletedWith]);
}
