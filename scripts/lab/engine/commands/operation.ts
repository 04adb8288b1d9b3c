import { availableParallelism } from "node:os";
import { type ConfigValues, configValues } from "../config-values.ts";
import { refreshedSnapshot, refreshSteps } from "../deploy/refresh.ts";
import { Deployment } from "../deployment.ts";
import { ProgressDisplay } from "../display/progress-display.ts";
import { AlreadyReported, EngineError, EXIT } from "../engine-error.ts";
import type { StackName } from "../state/backend.ts";
import { acquireLock } from "../state/lock.ts";
import type { Crypter } from "../state/passphrase.ts";
import type { Snapshot } from "../state/resource-state.ts";
import { SnapshotManager } from "../state/snapshot-manager.ts";
import type { CommandContext } from "./context.ts";
import { pendingOperationsWarning } from "./pending-operations.ts";

export type OperationKind = "up" | "preview" | "refresh" | "destroy";

interface Prepared {
  readonly name: StackName;
  readonly crypter: Crypter;
  readonly config: ConfigValues;
}

export const BANNER =
  "Local engine for drills and tests, not the Pulumi CLI: it speaks Pulumi's protocol to the unchanged program. Production uses the Pulumi CLI.";

/** Runs up, preview, refresh or destroy on a stack. */
export class Operation {
  readonly #context: CommandContext;
  readonly #kind: OperationKind;

  constructor(context: CommandContext, kind: OperationKind) {
    this.#context = context;
    this.#kind = kind;
  }

  async run(): Promise<void> {
    const { flags } = this.#context.commandLine;
    if (!flags.json) this.#context.print(BANNER);
    const name = this.#context.existingStack();
    const previewOnly =
      this.#kind === "preview" || (this.#kind === "refresh" && flags["preview-only"] === true);
    if (!previewOnly && !flags.yes) {
      throw new EngineError(
        "--yes or --skip-preview must be passed in to proceed when running in non-interactive mode",
        EXIT.configuration,
      );
    }
    if (previewOnly) return this.#pass(await this.#prepare(name), true);
    const lock = acquireLock(this.#context.backend.lockDir(name), (message) =>
      this.#context.print(`warning: ${message}`),
    );
    process.once("exit", lock.release);
    try {
      const prepared = await this.#prepare(name);
      if (!flags["skip-preview"]) await this.#pass(prepared, true);
      await this.#pass(prepared, false);
    } finally {
      lock.release();
    }
  }

  async #prepare(name: StackName): Promise<Prepared> {
    const file = this.#context.configFile(name.stack);
    const crypter = await this.#context.crypter(file);
    const decrypt = (ciphertext: string): string => crypter.decrypt(ciphertext);
    const config = configValues(this.#context.project, name.stack, file.values(), decrypt);
    for (const { text, secret } of config.values()) if (secret) this.#context.redactor.addText(text);
    return { name, crypter, config };
  }

  /** One preview or one real run. */
  async #pass({ name, crypter, config }: Prepared, dryRun: boolean): Promise<void> {
    const context = this.#context;
    const { flags } = context.commandLine;
    const title = {
      up: "Updating",
      preview: "Previewing update",
      refresh: "Refreshing",
      destroy: "Destroying",
    }[this.#kind];
    context.print(`${dryRun ? "Previewing" : title} (${name.stack}):`);
    const display = new ProgressDisplay({
      dryRun,
      diff: flags.diff === true,
      suppressOutputs: flags["suppress-outputs"] === true,
      redactor: context.redactor,
      write: (line) => context.print(line),
    });
    const save = (snapshot: Snapshot): Promise<void> => context.writeSnapshot(name, snapshot, crypter);
    const start = (base: Snapshot): Deployment =>
      new Deployment({
        project: context.project,
        stack: name.stack,
        config,
        dryRun,
        parallel: Number(flags.parallel ?? availableParallelism() * 4),
        snapshot: new SnapshotManager(base, dryRun ? async () => {} : save),
        events: display,
      });
    const base = await context.readSnapshot(name);
    const ok = await this.#execute(start, base, display, dryRun);
    display.summary();
    if (!ok) throw new AlreadyReported();
    if (dryRun && flags["expect-no-changes"] && display.changes > 0) {
      throw new EngineError("no changes were expected but changes were proposed", EXIT.changesNotExpected);
    }
    if (!dryRun && flags["expect-no-changes"] && display.changes > 0) {
      throw new EngineError("no changes were expected but changes occurred", EXIT.changesNotExpected);
    }
  }

  async #execute(
    start: (base: Snapshot) => Deployment,
    base: Snapshot,
    display: ProgressDisplay,
    dryRun: boolean,
  ): Promise<boolean> {
    const { flags } = this.#context.commandLine;
    const refreshFirst = this.#kind === "refresh" || flags.refresh === "true";
    let current = base;
    if (refreshFirst) {
      const refreshed = await this.#refresh(start(base), base);
      if (refreshed === undefined) return false;
      current = refreshed;
      if (this.#kind === "refresh") return true;
    } else if (base.pendingOperations.length > 0 && !dryRun) {
      display.diagnostic("warning", pendingOperationsWarning(base.pendingOperations));
    }
    const deployment = start(current);
    await deployment.start();
    try {
      if (this.#kind === "destroy") await deployment.executor.deleteLeftovers();
      else await deployment.runProgram();
    } finally {
      await deployment.close();
    }
    return !deployment.executor.failed && !deployment.executor.cancelled;
  }

  /** Reads every resource. Undefined: some read failed; what the others found is kept. */
  async #refresh(deployment: Deployment, base: Snapshot): Promise<Snapshot | undefined> {
    await deployment.start();
    const steps = refreshSteps(base);
    const refreshed = async (): Promise<Snapshot> => {
      await deployment.executor.runParallel(steps);
      const snapshot = refreshedSnapshot(base, steps);
      if (this.#context.commandLine.flags["clear-pending-creates"]) snapshot.pendingOperations = [];
      deployment.snapshot.rebuild(snapshot);
      return snapshot;
    };
    const snapshot = await refreshed().finally(() => deployment.close());
    return deployment.executor.failed ? undefined : snapshot;
  }
}
