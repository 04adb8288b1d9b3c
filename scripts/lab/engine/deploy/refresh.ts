import type { ResourceState, Snapshot } from "../state/resource-state.ts";
import { isProviderType } from "../urn.ts";
import { type Step, stepOf } from "./steps.ts";

function canDrift({ custom, type, pendingReplacement }: ResourceState): boolean {
  return custom && !isProviderType(type) && !pendingReplacement;
}

/** The steps that read every resource that can have drifted: components, providers and deleted ones can't. */
export function refreshSteps(base: Snapshot): Step[] {
  return base.resources.filter(canDrift).map((old) => stepOf("refresh", { old }));
}

function withoutDangling(state: ResourceState, known: ReadonlySet<string>): void {
  const live = (urns: string[]): string[] => urns.filter((urn) => known.has(urn));
  state.dependencies = live(state.dependencies);
  const properties = Object.entries(state.propertyDependencies).map(([key, urns]) => [key, live(urns)]);
  state.propertyDependencies = Object.fromEntries(properties) as Record<string, string[]>;
  if (state.deletedWith && !known.has(state.deletedWith)) state.deletedWith = "";
}

/** The snapshot as it is after the reads. References to resources that are gone are taken out. */
export function refreshedSnapshot(base: Snapshot, steps: readonly Step[]): Snapshot {
  const stepOfState = new Map(steps.map((step) => [step.old, step]));
  const known = new Set<string>();
  const parents = new Map<string, string>();
  const resources: ResourceState[] = [];
  for (const old of base.resources) {
    const step = stepOfState.get(old);
    if (step?.found === "delete") {
      parents.set(old.urn, old.parent ?? "");
      continue;
    }
    const state = step?.new ?? old;
    withoutDangling(state, known);
    while (state.parent && !known.has(state.parent)) state.parent = parents.get(state.parent) ?? "";
    known.add(state.urn);
    resources.push(state);
  }
  return { resources, pendingOperations: base.pendingOperations.filter(({ type }) => type === "creating") };
}
