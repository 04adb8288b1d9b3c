import type { PropertyMap } from "../property-values.ts";
import type { DiffResult } from "../providers/provider.ts";
import type { ResourceState } from "../state/resource-state.ts";

export type StepOp =
  | "same"
  | "create"
  | "update"
  | "replace"
  | "create-replacement"
  | "delete"
  | "delete-replaced"
  | "remove-pending-replace"
  | "refresh";

/** What the program wants a resource to be. */
export interface Goal {
  readonly type: string;
  readonly name: string;
  readonly custom: boolean;
  readonly inputs: PropertyMap;
  readonly parent: string;
  readonly protect: boolean;
  readonly dependencies: readonly string[];
  readonly propertyDependencies: Record<string, string[]>;
  readonly provider: string;
  /** Undefined: the provider decides. */
  readonly deleteBeforeReplace: boolean | undefined;
  readonly ignoreChanges: readonly string[];
  readonly replaceOnChanges: readonly string[];
  readonly additionalSecretOutputs: readonly string[];
  readonly aliases: readonly string[];
  readonly retainOnDelete: boolean;
  readonly deletedWith: string;
}

/** One move towards the goal. A replacement consists of several. */
export interface Step {
  readonly op: StepOp;
  readonly urn: string;
  readonly type: string;
  readonly old?: ResourceState;
  /** Set by a refresh when the resource was read. */
  new?: ResourceState;
  diff?: DiffResult;
  /** Of a replacement: the old resource is deleted when everything else is done. */
  readonly deleteLater?: boolean;
  /** Of a refresh: what it found. */
  found?: "same" | "update" | "delete";
}

export function stepOf(
  op: StepOp,
  states: { old?: ResourceState; new?: ResourceState },
  more: Partial<Step> = {},
): Step {
  const state = states.new ?? states.old;
  if (state === undefined) throw new Error(`a ${op} step needs a state`);
  return { op, urn: state.urn, type: state.type, ...states, ...more };
}

/** The state that a goal asks for, before a provider has had its say. */
export function stateOfGoal(goal: Goal, urn: string, old: ResourceState | undefined): ResourceState {
  return {
    urn,
    custom: goal.custom,
    type: goal.type,
    inputs: goal.inputs,
    outputs: {},
    parent: goal.parent,
    protect: goal.protect,
    dependencies: [...goal.dependencies],
    initErrors: [],
    provider: goal.provider,
    propertyDependencies: goal.propertyDependencies,
    additionalSecretOutputs: [...goal.additionalSecretOutputs],
    retainOnDelete: goal.retainOnDelete,
    deletedWith: goal.deletedWith,
    ignoreChanges: [...goal.ignoreChanges],
    replaceOnChanges: [...goal.replaceOnChanges],
    ...(old?.created !== undefined && { created: old.created }),
    ...(old?.modified !== undefined && { modified: old.modified }),
    ...(old !== undefined && old.urn !== urn && { aliases: [old.urn] }),
  };
}
