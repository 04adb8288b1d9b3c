import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import writeFileAtomic from "write-file-atomic";
import { Document, parse, parseDocument, stringify } from "yaml";
import { cacheDir } from "./cache-dir.ts";
import { chooseEngine, collect, type Engine, type RunResult } from "./stack-engine.ts";

export type { RunResult } from "./stack-engine.ts";

export interface StackOptions {
  /** Folder of `Pulumi.yaml`. Nothing is written there. */
  readonly projectDir: string;
  readonly stack: string;
  /** A temporary folder: state and config file are kept here. The caller removes it. */
  readonly backendDir: string;
  /** Added to the environment of every command. */
  readonly env?: Record<string, string>;
  /** Gets each line of output as it comes. */
  readonly onLine?: (line: string) => void;
}

export interface RunOptions {
  /** Goes to stdin. */
  readonly input?: string;
  /** Default: the project's folder. */
  readonly cwd?: string;
  /** Overrides the stack's own environment, for this run only. The program and its providers inherit it. */
  readonly env?: Readonly<Record<string, string>>;
  readonly onLine?: (line: string) => void;
}

/** Options of an update, preview, refresh or destroy. */
export type OperationOptions = Pick<RunOptions, "env">;

interface SpawnRequest extends Pick<SpawnOptions, "stdio" | "detached">, Pick<RunOptions, "cwd" | "env"> {}

export interface StackDeployment {
  readonly version: number;
  readonly deployment: {
    readonly resources?: readonly StackResource[];
    readonly pending_operations?: readonly { readonly resource: StackResource; readonly type: string }[];
  };
}

export interface StackResource {
  readonly urn: string;
  readonly type: string;
  readonly id?: string;
  readonly delete?: boolean;
  readonly inputs?: Record<string, unknown>;
  readonly outputs?: Record<string, unknown>;
  readonly dependencies?: readonly string[];
  readonly initErrors?: readonly string[];
}

const COMMON = ["--non-interactive", "--color", "never"];
/** Compiled modules: each command is a process of its own, and would compile the same files again. */
const COMPILE_CACHE = cacheDir("compile");

/** A stack in a temporary folder, run by the Pulumi CLI where it is on PATH and by the local engine elsewhere. */
export class LabStack {
  readonly engine: "pulumi" | "local";
  readonly version: string;
  readonly #engine: Engine;
  readonly #options: StackOptions;
  // Known only to this process and the environment of its children. The stack does not outlive them.
  readonly #passphrase = randomBytes(24).toString("base64url");
  readonly #children = new Set<ChildProcess>();

  constructor(options: StackOptions, engine: Engine) {
    this.#options = options;
    this.#engine = engine;
    this.engine = engine.kind;
    this.version = engine.version;
  }

  /** The stack's config file, outside of the project. */
  get configFile(): string {
    return join(this.#options.backendDir, `Pulumi.${this.#options.stack}.yaml`);
  }

  #env(ofRun: RunOptions["env"]): NodeJS.ProcessEnv {
    return {
      ...process.env,
      PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ""}`,
      PULUMI_BACKEND_URL: pathToFileURL(this.#options.backendDir).href,
      PULUMI_CONFIG_PASSPHRASE: this.#passphrase,
      PULUMI_SKIP_UPDATE_CHECK: "true",
      NODE_COMPILE_CACHE: COMPILE_CACHE,
      ...this.#options.env,
      ...ofRun,
    };
  }

  #spawn(args: readonly string[], { cwd, env, ...options }: SpawnRequest): ChildProcess {
    const { command, prefix } = this.#engine;
    const directory = ["--cwd", cwd ?? this.#options.projectDir];
    const child = spawn(command, [...prefix, ...args, ...directory, ...COMMON], {
      env: this.#env(env),
      ...options,
    });
    this.#children.add(child);
    child.once("exit", () => this.#children.delete(child));
    return child;
  }

  /** Runs any command of the engine. `input` goes to its stdin. */
  async run(
    args: readonly string[],
    { input = "", onLine = () => {}, ...where }: RunOptions = {},
  ): Promise<RunResult> {
    const child = this.#spawn(args, { stdio: ["pipe", "pipe", "pipe"], ...where });
    // A command may end without reading its input.
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);
    return collect(child, onLine);
  }

  async #must(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const { exitCode, stdout, output } = await this.run(args, options);
    if (exitCode !== 0)
      throw new Error(`\`${args.slice(0, 2).join(" ")}\` exited with ${exitCode}:\n${output}`);
    return stdout;
  }

  #onStack(...args: string[]): string[] {
    return [...args, "--stack", this.#options.stack];
  }

  #withConfig(...args: string[]): string[] {
    return this.#onStack(...args, "--config-file", this.configFile);
  }

  /** Makes the stack. Runs in a project of the same name in the backend folder, so that the salt is written there. */
  async init(): Promise<void> {
    const { backendDir, stack } = this.#options;
    await mkdir(backendDir, { recursive: true });
    const { name } = await this.#project();
    await writeFileAtomic(join(backendDir, "Pulumi.yaml"), stringify({ name, runtime: "nodejs" }));
    await this.#must(["stack", "init", stack], { cwd: backendDir });
  }

  async #project(): Promise<{ name: string }> {
    return parse(await readFile(join(this.#options.projectDir, "Pulumi.yaml"), "utf8")) as { name: string };
  }

  /** Sets config values. Lists and objects are allowed; `undefined` removes a key. Secrets are encrypted. */
  async setConfig(values: Record<string, unknown>, secrets: Record<string, string> = {}): Promise<void> {
    const document = existsSync(this.configFile)
      ? parseDocument(await readFile(this.configFile, "utf8"))
      : new Document({});
    if (!document.has("config")) document.set("config", document.createNode({}));
    for (const [key, value] of Object.entries(values)) {
      const path = ["config", await this.#fullKey(key)];
      if (value === undefined) document.deleteIn(path);
      else document.setIn(path, document.createNode(value));
    }
    await writeFileAtomic(this.configFile, document.toString(), { mode: 0o600 });
    for (const [key, value] of Object.entries(secrets)) {
      // Over stdin: other users of the machine can read the arguments of a process.
      await this.#must(this.#withConfig("config", "set", "--secret", await this.#fullKey(key)), {
        input: value,
      });
    }
  }

  async #fullKey(key: string): Promise<string> {
    return key.includes(":") ? key : `${(await this.#project()).name}:${key}`;
  }

  #operate(args: string[], options: OperationOptions): Promise<RunResult> {
    const { onLine } = this.#options;
    return this.run(this.#withConfig(...args), { ...options, ...(onLine && { onLine }) });
  }

  /** Updates without a preview before. Doesn't throw on failure: look at `exitCode`. */
  up(args: readonly string[] = [], options: OperationOptions = {}): Promise<RunResult> {
    return this.#operate(["up", "--yes", "--skip-preview", ...args], options);
  }

  preview(args: readonly string[] = [], options: OperationOptions = {}): Promise<RunResult> {
    return this.#operate(["preview", ...args], options);
  }

  refresh(args: readonly string[] = [], options: OperationOptions = {}): Promise<RunResult> {
    const mode = args.includes("--preview-only") ? [] : ["--yes", "--skip-preview"];
    return this.#operate(["refresh", ...mode, ...args], options);
  }

  destroy(args: readonly string[] = [], options: OperationOptions = {}): Promise<RunResult> {
    return this.#operate(["destroy", "--yes", "--skip-preview", ...args], options);
  }

  /** Removes the locks of a run that was killed. */
  async cancel(): Promise<void> {
    await this.#must(this.#onStack("cancel", ...(this.engine === "pulumi" ? ["--yes"] : [])));
  }

  /** What a command needs to find this stack's state and to read its secrets. */
  get environment(): NodeJS.ProcessEnv {
    return this.#env(undefined);
  }

  /** Runs one of the project's own scripts, such as `preview`, on this stack. Doesn't throw on failure. */
  async script(
    name: string,
    args: readonly string[] = [],
    options: OperationOptions = {},
  ): Promise<RunResult> {
    return collect(this.#spawnScript(name, args, options), this.#options.onLine ?? (() => {}));
  }

  /** Starts one in a process group of its own, to be stopped half-way with `process.kill(-child.pid, …)`. */
  spawnScript(name: string, args: readonly string[] = [], options: OperationOptions = {}): ChildProcess {
    return this.#spawnScript(name, args, { ...options, detached: true });
  }

  #spawnScript(
    name: string,
    args: readonly string[],
    { env, detached = false }: Pick<SpawnRequest, "env" | "detached">,
  ): ChildProcess {
    const { projectDir, stack } = this.#options;
    const own = ["--stack", stack, "--config-file", this.configFile, ...args];
    const child = spawn(process.execPath, [join(projectDir, "scripts", `${name}.ts`), ...own], {
      cwd: projectDir,
      env: this.#env(env),
      stdio: ["ignore", "pipe", "pipe"],
      detached,
    });
    this.#children.add(child);
    child.once("exit", () => this.#children.delete(child));
    return child;
  }

  /** The stack's outputs; secret ones are masked unless `showSecrets` is set. */
  async outputs({ showSecrets = false } = {}): Promise<Record<string, unknown>> {
    const show = showSecrets ? ["--show-secrets"] : [];
    return JSON.parse(await this.#must(this.#onStack("stack", "output", "--json", ...show))) as Record<
      string,
      unknown
    >;
  }

  /** The state, with secrets encrypted unless `showSecrets` is set. */
  async export({ showSecrets = false } = {}): Promise<StackDeployment> {
    const show = showSecrets ? ["--show-secrets"] : [];
    return JSON.parse(await this.#must(this.#onStack("stack", "export", ...show))) as StackDeployment;
  }

  /** Replaces the state by one that was exported with its secrets in plain text. */
  async import(deployment: StackDeployment): Promise<void> {
    const input = JSON.stringify(deployment);
    const { exitCode, output } = await this.run(this.#onStack("stack", "import"), { input });
    if (exitCode !== 0) throw new Error(output);
  }

  /** Starts an update in a process group of its own, to be killed with `process.kill(-child.pid, "SIGKILL")`. */
  spawnUp(args: readonly string[] = [], options: OperationOptions = {}): ChildProcess {
    const command = this.#withConfig("up", "--yes", "--skip-preview", ...args);
    return this.#spawn(command, { stdio: ["ignore", "pipe", "pipe"], detached: true, ...options });
  }

  /** Ends whatever this stack has started and is still running. */
  async dispose(): Promise<void> {
    for (const child of this.#children) {
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    }
  }
}

/** Makes a stack. The engine is the Pulumi CLI if it is on PATH, else the local engine. */
export async function openStack(options: StackOptions): Promise<LabStack> {
  const stack = new LabStack(options, await chooseEngine());
  await stack.init();
  return stack;
}
