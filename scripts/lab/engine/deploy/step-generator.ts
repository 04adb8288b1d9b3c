import { displayValue } from "../display/display-value.ts";
import { sameProperties } from "../property-values.ts";
import type { DiffResult, Provider } from "../providers/provider.ts";
import type { ResourceState, Snapshot } from "../state/resource-state.ts";
import { makeUrn, parseUrn } from "../urn.ts";
import { DependencyGraph } from "./dependency-graph.ts";
import { dependentReplacements } from "./dependent-replacements.ts";
import type { DeployEvents } from "./deploy-events.ts";
import { withIgnoredChanges } from "./ignore-changes.ts";
import { checkInputs, diffResource } from "./provider-calls.ts";
import { withReplaceOnChanges } from "./replace-on-changes.ts";
import { type Goal, type Step, stateOfGoal, stepOf } from "./steps.ts";

export interface GeneratorContext {
  readonly stack: string;
  readonly project: string;
  readonly base: Snapshot;
  readonly events: DeployEvents;
  providerFor(state: ResourceState): Promise<Provider>;
  /** True if a resource that goes from one provider to another has to be replaced. */
  isOtherProvider(oldReference: string, newReference: string): boolean;
}

const REPLACE_UNKNOWN_CAUSE: DiffResult = {
  changes: "some",
  replaceKeys: [],
  changedKeys: [],
  deleteBeforeReplace: false,
};

/** Turns goals into steps, one goal at a time. Remembers what the program has registered. */
export class StepGenerator {
  readonly #context: GeneratorContext;
  readonly #graph: DependencyGraph;
  readonly #olds: Map<string, ResourceState>;
  /** URNs that the program has registered, old names included. */
  readonly #operated = new Set<string>();
  readonly #seen = new Set<string>();
  /** URNs deleted ahead of time, because something that they depend on is replaced by delete-then-create. */
  readonly #deletedEarly = new Set<string>();
  readonly #deletedEarlyStates = new Set<ResourceState>();

  constructor(context: GeneratorContext) {
    this.#context = context;
    this.#graph = new DependencyGraph(context.base.resources);
    this.#olds = new Map(
      context.base.resources.filter((state) => !state.delete).map((state) => [state.urn, state]),
    );
  }

  urnOf(goal: Goal): string {
    const { stack, project } = this.#context;
    return makeUrn(stack, project, goal.parent, goal.type, goal.name);
  }

  /** The steps for a goal: check, then diff, then what follows from it. Fails with a report of bad inputs. */
  async generate(goal: Goal): Promise<Step[]> {
    const urn = this.urnOf(goal);
    if (this.#seen.has(urn)) throw new Error(`Duplicate resource URN '${urn}'; try giving it a unique name`);
    this.#seen.add(urn);
    const old = [urn, ...goal.aliases]
      .map((name) => this.#olds.get(name))
      .find((state) => state !== undefined);
    const state = stateOfGoal(goal, urn, old);
    const provider = goal.custom ? await this.#context.providerFor(state) : undefined;
    const recreating = this.#deletedEarly.delete(urn);
    await this.#check(provider, goal, state, recreating ? undefined : old);
    this.#operated.add(urn);
    if (old === undefined) return [stepOf("create", { new: state })];
    this.#operated.add(old.urn);
    if (recreating) return this.#recreate(old, state);
    return this.#stepsFromDiff(goal, provider, old, state);
  }

  async #check(
    provider: Provider | undefined,
    goal: Goal,
    state: ResourceState,
    old?: ResourceState,
  ): Promise<void> {
    const news =
      old === undefined ? goal.inputs : withIgnoredChanges(goal.inputs, old.inputs, goal.ignoreChanges);
    state.inputs = news;
    if (provider === undefined) return;
    const { inputs, failures } = await checkInputs(provider, state, old?.inputs ?? {}, news);
    state.inputs = inputs;
    const { type, name } = parseUrn(state.urn);
    for (const { property, reason } of failures) {
      const where = property === "" ? "" : `: property ${property} value ${displayValue(inputs[property])}`;
      this.#context.events.diagnostic(
        "error",
        `${type} resource '${name}'${where} has a problem: ${reason}`,
        state.urn,
      );
    }
    if (failures.length > 0) throw new InvalidResource(state.urn);
  }

  #recreate(old: ResourceState, state: ResourceState): Step[] {
    return [stepOf("replace", { old, new: state }), stepOf("create-replacement", { old, new: state })];
  }

  async #diff(
    goal: Goal,
    provider: Provider | undefined,
    old: ResourceState,
    state: ResourceState,
  ): Promise<DiffResult> {
    if (this.#hasOtherProvider(goal, old)) return { ...REPLACE_UNKNOWN_CAUSE, replaceKeys: ["provider"] };
    if (provider === undefined) {
      return {
        ...REPLACE_UNKNOWN_CAUSE,
        changes: sameProperties(old.inputs, state.inputs) ? "none" : "some",
      };
    }
    const diff = await diffResource(provider, old, state.inputs, goal.ignoreChanges);
    return withReplaceOnChanges(diff, goal.replaceOnChanges);
  }

  #hasOtherProvider(goal: Goal, { provider: before = "" }: ResourceState): boolean {
    if (before === "" || goal.provider === "") return before !== goal.provider;
    return this.#context.isOtherProvider(before, goal.provider);
  }

  async #stepsFromDiff(
    goal: Goal,
    provider: Provider | undefined,
    old: ResourceState,
    state: ResourceState,
  ): Promise<Step[]> {
    const diff = await this.#diff(goal, provider, old, state);
    const replace = diff.changes === "some" && diff.replaceKeys.length > 0;
    if (replace || old.pendingReplacement) return this.#replace(goal, provider, old, state, diff);
    // After a failed initialization an update is due, changed or not: the resource waits to be brought to life.
    const due = diff.changes === "some" || old.initErrors.length > 0;
    return [due ? stepOf("update", { old, new: state }, { diff }) : stepOf("same", { old, new: state })];
  }

  async #replace(
    goal: Goal,
    provider: Provider | undefined,
    old: ResourceState,
    state: ResourceState,
    diff: DiffResult,
  ): Promise<Step[]> {
    if (old.protect && state.protect) throw new Error(protectedMessage(state.urn));
    // Values carried over from the old resource don't count for its replacement: the inputs are checked afresh.
    await this.#check(provider, goal, state);
    const first = goal.deleteBeforeReplace ?? diff.deleteBeforeReplace;
    const states = { old, new: state };
    if (!first && !old.pendingReplacement) {
      return [
        stepOf("create-replacement", states, { diff, deleteLater: true }),
        stepOf("replace", states, { diff }),
      ];
    }
    const steps = await this.#deletesBeforeReplacing(old);
    return [...steps, stepOf("replace", states, { diff }), stepOf("create-replacement", states, { diff })];
  }

  /** Deletes of an old resource and of all that would be replaced with it, dependents first. */
  async #deletesBeforeReplacing(old: ResourceState): Promise<Step[]> {
    const candidates = this.#graph.dependents(old, this.#operated);
    const doomed = await dependentReplacements(old, candidates, (state) => this.#context.providerFor(state));
    const steps: Step[] = [];
    for (const state of doomed.reverse()) {
      if (this.#deletedEarlyStates.has(state)) continue;
      if (state.protect) throw new Error(protectedMessage(state.urn));
      this.#deletedEarly.add(state.urn);
      this.#deletedEarlyStates.add(state);
      steps.push(stepOf("delete-replaced", { old: state }));
    }
    if (!old.pendingReplacement) steps.push(stepOf("delete-replaced", { old }));
    return steps;
  }

  /** Steps for all that is left over: replaced resources, and resources that the program no longer has. */
  leftovers(): Step[][] {
    const steps = new Map<ResourceState, Step>();
    for (const old of this.#context.base.resources) {
      if (this.#deletedEarlyStates.has(old) && !this.#deletedEarly.has(old.urn)) continue;
      if (old.delete) steps.set(old, stepOf("delete-replaced", { old }));
      else if (!this.#operated.has(old.urn)) {
        steps.set(old, stepOf(old.pendingReplacement ? "remove-pending-replace" : "delete", { old }));
      }
    }
    return this.#graph
      .deletionOrder([...steps.keys()])
      .map((group) => group.map((state) => steps.get(state)).filter((step) => step !== undefined));
  }
}

/** The inputs of a resource are bad; what is bad was reported. */
export class InvalidResource extends Error {
  constructor(urn: string) {
    super(`resource ${urn} is invalid`);
    this.name = "InvalidResource";
  }
}

function protectedMessage(urn: string): string {
  return (
    `unable to replace resource "${urn}"\nas it is currently marked for protection. To unprotect the resource, ` +
    "remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`"
  );
}
