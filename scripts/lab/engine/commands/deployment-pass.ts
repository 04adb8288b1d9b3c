import { availableParallelism } from "node:os";
import type { ConfigValues } from "../../../stack-file/config-values.ts";
import type { Crypter } from "../../../stack-file/passphrase.ts";
import type { DeployEvents } from "../deploy/deploy-events.ts";
import { refreshedSnapshot, refreshSteps } from "../deploy/refresh.ts";
import { Deployment } from "../deployment.ts";
import { EngineError, EXIT } from "../engine-error.ts";
import type { StackName } from "../state/backend.ts";
import type { Snapshot } from "../state/resource-state.ts";
import { SnapshotManager } from "../state/snapshot-manager.ts";
import type { CommandContext } from "./context.ts";
import { pendingOperationsWarning } from "./pending-operations.ts";

export type OperationKind = "up" | "preview" | "refresh" | "destroy";

export interface PassOptions {
  readonly context: CommandContext;
  readonly kind: OperationKind;
  readonly name: StackName;
  readonly crypter: Crypter;
  readonly config: ConfigValues;
  readonly dryRun: boolean;
  readonly events: DeployEvents;
}

/** Steps at once. Default, as the CLI's: four for each processor. */
function parallelism(flag: string | undefined): number {
  if (flag === undefined) return availableParallelism() * 4;
  if (!/^\d+$/.test(flag))
    throw new EngineError(`invalid argument "${flag}" for --parallel`, EXIT.configuration);
  return Math.max(1, Number(flag));
}

/** One preview or one real run. */
export class DeploymentPass {
  readonly #options: PassOptions;

  constructor(options: PassOptions) {
    this.#options = options;
  }

  /** False if anything failed or the run was cancelled; what went wrong has been reported then. */
  async run(): Promise<boolean> {
    const { context, kind, name, dryRun, events } = this.#options;
    const base = await context.readSnapshot(name);
    for (const { inputs, outputs } of base.resources) {
      context.redactor.addSecretsOf(inputs);
      context.redactor.addSecretsOf(outputs);
    }
    const refreshFirst = kind === "refresh" || context.commandLine.flags.refresh === "true";
    if (!refreshFirst && base.pendingOperations.length > 0 && !dryRun) {
      events.diagnostic("warning", pendingOperationsWarning(base.pendingOperations));
    }
    const current = refreshFirst ? await this.#refresh(base) : base;
    if (current === undefined) return false;
    return kind === "refresh" || this.#deploy(current);
  }

  #deployment(base: Snapshot): Deployment {
    const { context, name, crypter, dryRun } = this.#options;
    const save = (snapshot: Snapshot): Promise<void> => context.writeSnapshot(name, snapshot, crypter);
    return new Deployment({
      ...this.#options,
      project: context.project,
      stack: name.stack,
      parallel: parallelism(context.commandLine.flags.parallel),
      snapshot: new SnapshotManager(base, dryRun ? async () => {} : save),
    });
  }

  /** Runs the work of a deployment, which a signal cancels: steps under way are finished and saved. */
  async #within(deployment: Deployment, work: () => Promise<void>): Promise<boolean> {
    const { events } = this.#options;
    const cancel = (signal: NodeJS.Signals): void => {
      if (deployment.executor.cancelled) process.exit(1);
      events.diagnostic("warning", `${signal}: finishing what is under way; once more to stop at once`);
      deployment.executor.cancel();
    };
    process.on("SIGINT", cancel).on("SIGTERM", cancel);
    try {
      await deployment.start();
      await work();
    } finally {
      await deployment.close();
      process.off("SIGINT", cancel).off("SIGTERM", cancel);
    }
    return !deployment.executor.failed && !deployment.executor.cancelled;
  }

  async #deploy(base: Snapshot): Promise<boolean> {
    const deployment = this.#deployment(base);
    const isDestroy = this.#options.kind === "destroy";
    return this.#within(deployment, () =>
      isDestroy ? deployment.executor.deleteLeftovers() : deployment.runProgram(),
    );
  }

  /** Reads every resource. Undefined: some read failed; what the others found is kept. */
  async #refresh(base: Snapshot): Promise<Snapshot | undefined> {
    const deployment = this.#deployment(base);
    const steps = refreshSteps(base);
    let snapshot = base;
    const ok = await this.#within(deployment, async () => {
      await deployment.executor.runParallel(steps);
      snapshot = refreshedSnapshot(base, steps);
      if (this.#options.context.commandLine.flags["clear-pending-creates"]) snapshot.pendingOperations = [];
      deployment.snapshot.rebuild(snapshot);
    });
    return ok ? snapshot : undefined;
  }
}
