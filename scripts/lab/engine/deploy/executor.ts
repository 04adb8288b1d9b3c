import pLimit from "p-limit";
import { messageOf } from "../engine-error.ts";
import type { PropertyMap } from "../property-values.ts";
import type { ResourceState } from "../state/resource-state.ts";
import type { SnapshotManager } from "../state/snapshot-manager.ts";
import { STACK_TYPE } from "../urn.ts";
import type { DeployEvents } from "./deploy-events.ts";
import type { ProviderRegistry } from "./provider-registry.ts";
import { InvalidResource, StepGenerator } from "./step-generator.ts";
import { ProtectedResource, StepRunner } from "./step-runner.ts";
import type { Goal, Step } from "./steps.ts";

export interface ExecutorOptions {
  readonly stack: string;
  readonly project: string;
  readonly dryRun: boolean;
  /** How many steps may run at once. */
  readonly parallel: number;
  readonly snapshot: SnapshotManager;
  readonly registry: ProviderRegistry;
  readonly events: DeployEvents;
}

/** The deployment has failed or was cancelled: nothing new is started. */
export class DeploymentStopped extends Error {
  constructor() {
    super("resource monitor shut down while waiting on step's done channel");
    this.name = "DeploymentStopped";
  }
}

/** Runs the steps of one deployment. The first failure stops new work; what is under way is finished and saved. */
export class Executor {
  readonly #options: ExecutorOptions;
  readonly #generator: StepGenerator;
  readonly #runner: StepRunner;
  /** Goals are turned into steps one at a time: each decision may depend on the ones before. */
  readonly #oneAtATime = pLimit(1);
  readonly #workers: ReturnType<typeof pLimit>;
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #stopped = Promise.withResolvers<never>();
  readonly #condemned = new Set<string>();
  readonly #states = new Map<string, ResourceState>();
  #stackOutputs: { state: ResourceState; outputs: PropertyMap } | undefined;
  #failed = false;
  #cancelled = false;

  constructor(options: ExecutorOptions) {
    this.#options = options;
    const providerFor = options.registry.providerFor.bind(options.registry);
    const isOtherProvider = options.registry.isOther.bind(options.registry);
    const { base } = options.snapshot;
    this.#generator = new StepGenerator({ ...options, base, providerFor, isOtherProvider });
    this.#runner = new StepRunner({
      ...options,
      providerFor,
      isCondemned: (urn) => this.#condemned.has(urn),
    });
    this.#workers = pLimit(options.parallel);
    // Nobody may be waiting for the stop: that must not be an unhandled rejection.
    this.#stopped.promise.catch(() => {});
  }

  get failed(): boolean {
    return this.#failed;
  }

  get cancelled(): boolean {
    return this.#cancelled;
  }

  /** Resolves when the deployment has failed or was cancelled, and the steps under way then have ended. */
  get stopped(): Promise<void> {
    return this.#stopped.promise.catch(() => this.#settled());
  }

  async #settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  /** Finishes what is under way and starts nothing more. */
  cancel(): void {
    this.#cancelled = true;
    this.#stopped.reject(new DeploymentStopped());
  }

  fail(message?: string, urn?: string): void {
    if (message !== undefined) this.#options.events.diagnostic("error", message, urn);
    this.#failed = true;
    this.#stopped.reject(new DeploymentStopped());
  }

  get #isStopped(): boolean {
    return this.#failed || this.#cancelled;
  }

  /** Brings a resource to its goal. Rejects with `DeploymentStopped` as soon as anything has failed. */
  register(goal: Goal): Promise<ResourceState> {
    const work = this.#register(goal);
    this.#track(work);
    return Promise.race([work, this.#stopped.promise]);
  }

  #track(work: Promise<unknown>): void {
    const settled = work.catch(() => {}).finally(() => this.#underWay.delete(settled));
    this.#underWay.add(settled);
  }

  async #register(goal: Goal): Promise<ResourceState> {
    const steps = await this.#oneAtATime(() => this.#generate(goal));
    await this.#workers(() => this.#runChain(steps));
    const state = steps.findLast((step) => step.new !== undefined)?.new;
    if (state === undefined) throw new Error(`no state for ${goal.name}`);
    this.#states.set(state.urn, state);
    return state;
  }

  async #generate(goal: Goal): Promise<Step[]> {
    if (this.#isStopped) throw new DeploymentStopped();
    try {
      return await this.#generator.generate(goal);
    } catch (error) {
      const reported = error instanceof InvalidResource;
      this.fail(reported ? undefined : messageOf(error), this.#generator.urnOf(goal));
      throw error;
    }
  }

  async #runChain(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      if (this.#isStopped) throw new DeploymentStopped();
      await this.#runStep(step);
    }
  }

  async #runStep(step: Step): Promise<void> {
    const { events } = this.#options;
    events.stepStarted(step);
    try {
      await this.#runner.run(step);
    } catch (error) {
      const failure = error instanceof Error ? error : new Error(String(error));
      events.stepEnded(step, failure);
      events.diagnostic("error", failure.message, step.urn);
      this.#failed = true;
      // Nothing was done and nothing waits for it: the other deletes go on, so that one run reports them all.
      if (!(error instanceof ProtectedResource)) this.fail();
      throw failure;
    }
    events.stepEnded(step, undefined);
  }

  /** Takes the outputs of a component. Those of the stack are kept until it is known whether the run succeeded. */
  async registerOutputs(urn: string, outputs: PropertyMap): Promise<void> {
    const state = this.#states.get(urn);
    if (state === undefined)
      throw new Error(`cannot complete a resource '${urn}' whose registration isn't pending`);
    if (state.type === STACK_TYPE) {
      this.#stackOutputs = { state, outputs };
      return;
    }
    state.outputs = outputs;
    await this.#options.snapshot.save();
  }

  stateOf(urn: string): ResourceState | undefined {
    return this.#states.get(urn);
  }

  /** Deletes what the program no longer has, dependents first. Does nothing after a failure. */
  async deleteLeftovers(): Promise<void> {
    if (this.#isStopped) return;
    const groups = this.#generator.leftovers();
    for (const step of groups.flat()) this.#condemned.add(step.urn);
    for (const group of groups) {
      await this.runParallel(group);
      if (this.#isStopped) return;
    }
  }

  /** Runs independent steps, as many at once as allowed. Failures are reported, not thrown. */
  async runParallel(steps: readonly Step[]): Promise<void> {
    const work = steps.map((step) => this.#workers(() => this.#runChain([step])));
    await Promise.allSettled(work);
  }

  /** Waits for everything under way, then settles the stack's outputs: after a failure old ones stay. */
  async finish(): Promise<void> {
    await this.#settled();
    const { events, snapshot } = this.#options;
    if (this.#stackOutputs !== undefined) {
      const { state, outputs } = this.#stackOutputs;
      const before = snapshot.base.resources.find(({ urn }) => urn === state.urn)?.outputs ?? {};
      state.outputs = this.#isStopped ? { ...before, ...outputs } : outputs;
      events.stackOutputs(state.outputs, before);
    }
    await snapshot.save();
  }
}
