import { existsSync, readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import type { Crypter } from "../../../stack-file/passphrase.ts";
import { type Project, readProject } from "../../../stack-file/project.ts";
import { Secrets } from "../../../stack-file/secrets.ts";
import { StackConfigFile } from "../../../stack-file/stack-config.ts";
import type { CommandLine } from "../command-line.ts";
import { Redactor } from "../display/redactor.ts";
import { EngineError, EXIT } from "../engine-error.ts";
import { Backend, type StackName, stackNotFound } from "../state/backend.ts";
import { fromDeployment, toDeployment } from "../state/checkpoint.ts";
import { emptySnapshot, type Snapshot } from "../state/resource-state.ts";

/** What every command needs: the project, the chosen stack, its files and keys. */
export class CommandContext {
  readonly commandLine: CommandLine;
  readonly project: Project;
  readonly backend: Backend;
  readonly secrets: Secrets;
  readonly redactor = new Redactor();

  constructor(commandLine: CommandLine, env: NodeJS.ProcessEnv) {
    this.commandLine = commandLine;
    this.project = readProject(commandLine.flags.cwd ?? process.cwd());
    this.backend = Backend.fromEnv(env);
    this.secrets = new Secrets(env);
    const passphrase = env.PULUMI_CONFIG_PASSPHRASE;
    if (passphrase !== undefined) this.redactor.addText(passphrase);
  }

  print(line: string): void {
    process.stdout.write(`${line}\n`);
  }

  nameOf(stack: string): StackName {
    // The file backend's full name of a stack is organization/project/stack.
    return { project: this.project.name, stack: stack.split("/").at(-1) ?? stack };
  }

  get #selectionFile(): string {
    return join(this.backend.root, ".pulumi", "selected", `${this.project.name}.txt`);
  }

  async select(stack: string): Promise<void> {
    await mkdir(join(this.backend.root, ".pulumi", "selected"), { recursive: true });
    await writeFileAtomic(this.#selectionFile, stack);
  }

  /** The stack of `--stack`, else the selected one. */
  stackName(): StackName {
    const selected = existsSync(this.#selectionFile) ? readFileSync(this.#selectionFile, "utf8") : undefined;
    const stack = this.commandLine.flags.stack ?? selected;
    if (stack === undefined)
      throw new EngineError("no stack selected; please use `pulumi stack select`", EXIT.stackNotFound);
    return this.nameOf(stack);
  }

  existingStack(): StackName {
    const name = this.stackName();
    if (!this.backend.exists(name)) throw stackNotFound(name);
    return name;
  }

  configFile(stack: string): StackConfigFile {
    return StackConfigFile.of(this.project.dir, stack, this.commandLine.flags["config-file"]);
  }

  /** The stack's crypter; the first use gives the stack file its salt. */
  async crypter(file: StackConfigFile): Promise<Crypter> {
    const crypter = await this.secrets.crypter(file.salt);
    if (file.salt === undefined) {
      file.salt = crypter.salt;
      await file.save();
    }
    return crypter;
  }

  /** The stack's state. Without `decrypt` secrets stay encrypted, and no passphrase is needed. */
  async readSnapshot(name: StackName, { decrypt = true } = {}): Promise<Snapshot> {
    const deployment = await this.backend.read(name);
    if (deployment === undefined) return emptySnapshot();
    const salt = decrypt ? deployment.secrets_providers?.state.salt : undefined;
    return fromDeployment(deployment, salt === undefined ? undefined : await this.secrets.crypter(salt));
  }

  async writeSnapshot(name: StackName, snapshot: Snapshot, crypter: Crypter): Promise<void> {
    await this.backend.write(name, toDeployment(snapshot, crypter));
  }
}
