import { type ConfigValues, configValues } from "../../../stack-file/config-values.ts";
import type { Crypter } from "../../../stack-file/passphrase.ts";
import { JsonPreview } from "../display/json-preview.ts";
import { ProgressDisplay } from "../display/progress-display.ts";
import { AlreadyReported, EngineError, EXIT } from "../engine-error.ts";
import type { StackName } from "../state/backend.ts";
import { acquireLock } from "../state/lock.ts";
import type { CommandContext } from "./context.ts";
import { DeploymentPass, type OperationKind } from "./deployment-pass.ts";

interface Prepared {
  readonly name: StackName;
  readonly crypter: Crypter;
  readonly config: ConfigValues;
}

const BANNER =
  "Local engine for drills and tests, not the Pulumi CLI: it speaks Pulumi's protocol to the unchanged program. Production uses the Pulumi CLI.";

const TITLES: Record<OperationKind, string> = {
  up: "Updating",
  preview: "Previewing update",
  refresh: "Refreshing",
  destroy: "Destroying",
};

/** Runs up, preview, refresh or destroy on a stack. */
export class Operation {
  readonly #context: CommandContext;
  readonly #kind: OperationKind;

  constructor(context: CommandContext, kind: OperationKind) {
    this.#context = context;
    this.#kind = kind;
  }

  get #json(): boolean {
    return this.#context.commandLine.flags.json === true && this.#kind === "preview";
  }

  async run(): Promise<void> {
    const { flags } = this.#context.commandLine;
    // With --json stdout belongs to the JSON.
    if (this.#json) process.stderr.write(`${BANNER}\n`);
    else this.#context.print(BANNER);
    const name = this.#context.existingStack();
    if (this.#kind === "preview" || (this.#kind === "refresh" && flags["preview-only"] === true)) {
      return this.#pass(await this.#prepare(name), true);
    }
    if (!flags.yes) {
      const message =
        "--yes or --skip-preview must be passed in to proceed when running in non-interactive mode";
      throw new EngineError(message, EXIT.configuration);
    }
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

  #display(dryRun: boolean): ProgressDisplay | JsonPreview {
    const { commandLine, redactor } = this.#context;
    const write = (line: string): void => this.#context.print(line);
    if (this.#json) return new JsonPreview(redactor, write);
    const diff = commandLine.flags.diff === true;
    const suppressOutputs = commandLine.flags["suppress-outputs"] === true;
    return new ProgressDisplay({ dryRun, diff, suppressOutputs, redactor, write });
  }

  async #pass(prepared: Prepared, dryRun: boolean): Promise<void> {
    if (!this.#json)
      this.#context.print(`${dryRun ? "Previewing" : TITLES[this.#kind]} (${prepared.name.stack}):`);
    const events = this.#display(dryRun);
    const pass = new DeploymentPass({
      ...prepared,
      context: this.#context,
      kind: this.#kind,
      dryRun,
      events,
    });
    const ok = await pass.run();
    events.summary();
    if (!ok) throw new AlreadyReported();
    if (this.#context.commandLine.flags["expect-no-changes"] && events.changes > 0) {
      const what = dryRun ? "were proposed" : "occurred";
      throw new EngineError(`no changes were expected but changes ${what}`, EXIT.changesNotExpected);
    }
  }
}
