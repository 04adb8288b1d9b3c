import { dependenciesOf, type ResourceState } from "../state/resource-state.ts";
import { parseProviderReference } from "../urn.ts";

/** Dependencies among the states of a snapshot, which is in topological order: a state depends on earlier ones only. */
export class DependencyGraph {
  readonly #states: readonly ResourceState[];

  constructor(states: readonly ResourceState[]) {
    this.#states = states;
  }

  #earlier(state: ResourceState): ResourceState[] {
    return this.#states.slice(0, this.#states.indexOf(state));
  }

  /** What must outlive `state`: dependencies, children of component dependencies, provider and parent. */
  dependencies(state: ResourceState): Set<ResourceState> {
    const urns = dependenciesOf(state);
    if (state.provider) urns.add(parseProviderReference(state.provider).urn);
    const earlier = this.#earlier(state);
    const components = new Set(
      earlier.filter(({ urn, custom }) => urns.has(urn) && !custom).map(({ urn }) => urn),
    );
    const found = new Set<ResourceState>();
    for (const candidate of earlier) {
      if (components.has(candidate.parent ?? "")) {
        // Children come after their parent: grandchildren are reached through them.
        found.add(candidate);
        if (!candidate.custom) components.add(candidate.urn);
      }
      if (urns.has(candidate.urn) || candidate.urn === state.parent) found.add(candidate);
    }
    return found;
  }

  /** Everything that depends on `state`, directly or through others, in topological order. */
  dependents(state: ResourceState, except: ReadonlySet<string>): ResourceState[] {
    const reached = new Set([state.urn]);
    const found: ResourceState[] = [];
    for (const candidate of this.#states.slice(this.#states.indexOf(state) + 1)) {
      if (except.has(candidate.urn)) continue;
      const urns = [...dependenciesOf(candidate)];
      if (candidate.provider) urns.push(parseProviderReference(candidate.provider).urn);
      if (!urns.some((urn) => reached.has(urn))) continue;
      reached.add(candidate.urn);
      found.push(candidate);
    }
    return found;
  }

  /** Groups to delete one after another, dependents first; a group may be deleted in parallel. */
  deletionOrder(condemned: readonly ResourceState[]): ResourceState[][] {
    const left = new Set(condemned);
    const groups: ResourceState[][] = [];
    while (left.size > 0) {
      const group = [...left].filter(
        (state) => ![...this.dependencies(state)].some((other) => left.has(other)),
      );
      if (group.length === 0) throw new Error("the state holds a dependency cycle");
      for (const state of group) left.delete(state);
      groups.push(group);
    }
    return groups.reverse();
  }
}
