import { InitError, type Provider } from "../providers/provider.ts";
import type { ResourceState } from "../state/resource-state.ts";
import type { SnapshotManager } from "../state/snapshot-manager.ts";
import {
  createResource,
  deleteResource,
  diffResource,
  markSecretOutputs,
  previewResource,
  readResource,
  updateResource,
} from "./provider-calls.ts";
import type { Step } from "./steps.ts";

export interface RunnerContext {
  readonly dryRun: boolean;
  readonly snapshot: SnapshotManager;
  providerFor(state: ResourceState): Promise<Provider>;
  /** True if the resource is going to be deleted in this run. */
  isCondemned(urn: string): boolean;
}

type StateStep = Step & { old: ResourceState; new: ResourceState };

function timestamp(): string {
  return new Date().toISOString();
}

/** Carries out single steps: calls the provider, and keeps the snapshot true before, during and after. */
export class StepRunner {
  readonly #context: RunnerContext;

  constructor(context: RunnerContext) {
    this.#context = context;
  }

  async run(step: Step): Promise<void> {
    switch (step.op) {
      case "same":
        return this.#same(step as StateStep);
      case "create":
      case "create-replacement":
        return this.#create(step, step.new as ResourceState);
      case "update":
        return this.#update(step as StateStep);
      case "delete":
      case "delete-replaced":
        return this.#delete(step, step.old as ResourceState);
      case "remove-pending-replace":
        this.#context.snapshot.put([], [step.old as ResourceState]);
        return this.#context.snapshot.save();
      case "refresh":
        return this.#refresh(step, step.old as ResourceState);
      case "replace":
        return;
      default:
        step.op satisfies never;
    }
  }

  // An unchanged resource keeps id and outputs, and takes everything else from the program: so the outputs
  // still hold the old closure, and the inputs the new one.
  async #same({ old, new: state }: StateStep): Promise<void> {
    if (old.id !== undefined) state.id = old.id;
    state.outputs = old.outputs;
    markSecretOutputs(state);
    this.#context.snapshot.put([state], [old]);
    await this.#context.snapshot.save();
  }

  async #create(step: Step, state: ResourceState): Promise<void> {
    const { dryRun, snapshot } = this.#context;
    const { old } = step;
    await snapshot.begin(state, "creating");
    const finish = (): Promise<void> => {
      state.created = state.modified = timestamp();
      if (old !== undefined && step.deleteLater) old.delete = true;
      return snapshot.end(state, [state], old?.pendingReplacement ? [old] : []);
    };
    await this.#guarded(state, finish, async () => {
      if (!state.custom) return;
      const provider = await this.#context.providerFor(state);
      if (dryRun) await previewResource(provider, undefined, state);
      else await createResource(provider, state);
      markSecretOutputs(state);
    });
  }

  async #update({ old, new: state }: StateStep): Promise<void> {
    const { dryRun, snapshot } = this.#context;
    if (old.id !== undefined) state.id = old.id;
    await snapshot.begin(state, "updating");
    const finish = (): Promise<void> => {
      if (state.custom) state.modified = timestamp();
      return snapshot.end(state, [state], [old]);
    };
    await this.#guarded(state, finish, async () => {
      if (!state.custom) return;
      const provider = await this.#context.providerFor(state);
      if (dryRun) await previewResource(provider, old, state);
      else await updateResource(provider, old, state);
      markSecretOutputs(state);
    });
  }

  /** Runs a step's work. A resource that exists but failed to initialize is kept; any other failure leaves no trace. */
  async #guarded(
    state: ResourceState,
    finish: () => Promise<void>,
    work: () => Promise<void>,
  ): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (error instanceof InitError) await finish();
      else await this.#context.snapshot.end(state, [], []);
      throw error;
    }
    await finish();
  }

  async #delete(step: Step, old: ResourceState): Promise<void> {
    const { dryRun, snapshot } = this.#context;
    if (step.op === "delete" && old.protect) throw new ProtectedResource(old.urn);
    await snapshot.begin(old, "deleting");
    try {
      if (!dryRun && this.#needsDeleteCall(old))
        await deleteResource(await this.#context.providerFor(old), old);
    } catch (error) {
      await snapshot.end(old, [], []);
      throw error;
    }
    // Deleted to make room: it stays in the state, marked, until its replacement exists.
    if (step.op === "delete-replaced" && !old.delete) old.pendingReplacement = true;
    await snapshot.end(old, [], old.pendingReplacement ? [] : [old]);
  }

  #needsDeleteCall(old: ResourceState): boolean {
    if (!old.custom || old.external || old.retainOnDelete) return false;
    return !old.deletedWith || !this.#context.isCondemned(old.deletedWith);
  }

  /** Reads a resource; what was found goes to the step. Nothing is saved: the caller rebuilds the whole state. */
  async #refresh(step: Step, old: ResourceState): Promise<void> {
    const provider = await this.#context.providerFor(old);
    const state = await readResource(provider, old);
    if (state === undefined) {
      step.found = "delete";
      return;
    }
    if (JSON.stringify([state.inputs, state.outputs]) !== JSON.stringify([old.inputs, old.outputs])) {
      state.modified = timestamp();
    }
    step.new = state;
    // What an up of an unchanged program would do now: the drift, seen from the other side.
    step.diff = await diffResource(provider, state, old.inputs, old.ignoreChanges);
    step.found = step.diff.changes === "none" ? "same" : "update";
  }
}

/** The program no longer has the resource, but its state says it must not be deleted. */
export class ProtectedResource extends Error {
  constructor(urn: string) {
    super(
      `resource "${urn}" cannot be deleted\nbecause it is protected. To unprotect the resource, either remove the ` +
        "`protect` flag from the resource in your Pulumi program and run `pulumi up`, or use the command:\n" +
        `\`pulumi state unprotect '${urn}'\``,
    );
    this.name = "ProtectedResource";
  }
}
