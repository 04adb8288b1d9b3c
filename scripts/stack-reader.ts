import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { SECRET_SIGNATURE, SIGNATURE_KEY } from "./lab/engine/property-values.ts";
import { chooseEngine, collect, type RunResult } from "./lab/stack-engine.ts";
import { configValues } from "./stack-file/config-values.ts";
import { readProject } from "./stack-file/project.ts";
import { hasSecure, StackConfigFile } from "./stack-file/stack-config.ts";

/** The stack that is read, and where its files are. */
export interface StackPlace {
  /** Its name, as `--stack` takes it. */
  readonly stack: string;
  /** Folder of `Pulumi.yaml`. Default: this repository's. */
  readonly projectDir?: string;
  /** The stack's config file. Default: `Pulumi.<stack>.yaml` in the project's folder. */
  readonly configFile?: string;
}

/** Runs commands of the engine: the Pulumi CLI where it is on PATH, otherwise the local engine. */
export interface EngineRunner {
  readonly kind: "pulumi" | "local";
  run(args: readonly string[]): Promise<RunResult>;
}

/** A resource in the state, with its secrets in plain text. */
export interface StateResource {
  readonly urn: string;
  readonly type: string;
  /** The last part of the URN. */
  readonly name: string;
  readonly id?: string | undefined;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly outputs: Readonly<Record<string, unknown>>;
}

/** Config and state of a stack. It holds secrets: it stays in memory, and no part is printed as it is. */
export interface StackContents {
  readonly name: string;
  /** `jwks-break-glass`: the namespace of the program's own keys. */
  readonly project: string;
  /** Values by full key (`namespace:key`), with the project's defaults, as the program gets them: text, or JSON for lists and objects. */
  readonly config: Readonly<Record<string, string>>;
  /** All resources of the last `up`; empty where there was none. */
  readonly resources: readonly StateResource[];
}

/** The program's own dynamic resources of one kind, such as `KeyCutover`. */
export function resourcesOf({ resources }: StackContents, kind: string): StateResource[] {
  return resources.filter(({ type }) => type.endsWith(`jwks:${kind}`));
}

/** The stack can't be read. The message says why and what to do, and holds no secret. */
export class StackUnreadableError extends Error {
  override readonly name = "StackUnreadableError";

  constructor(what: string, nextStep: string) {
    super(`STACK_UNREADABLE: ${what}. Next: ${nextStep}.`);
  }
}

const repository = fileURLToPath(new URL("..", import.meta.url));
const common = ["--non-interactive", "--color", "never"];

/**
 * Reads a stack's config and state, with their secrets, and changes nothing. The backend, the passphrase and the login
 * are those of the environment (`PULUMI_BACKEND_URL`, `PULUMI_CONFIG_PASSPHRASE`, …), as for `pulumi` itself.
 *
 * @param engine default: {@link defaultRunner}
 * @throws {StackUnreadableError} where there is no such stack, or its config or its state can't be read
 */
export async function readStack(place: StackPlace, engine?: EngineRunner): Promise<StackContents> {
  const { projectDir = repository, stack } = place;
  const runner = engine ?? (await defaultRunner(projectDir));
  const project = readProject(projectDir).name;
  const config = await (runner.kind === "pulumi" ? configOfCli(place, runner) : configOfFile(place, runner));
  return { name: stack, project, config, resources: await readState(place, runner) };
}

/** Runs the engine's commands in the project's folder: the Pulumi CLI where it is on PATH, else the local engine. */
export async function defaultRunner(projectDir: string = repository): Promise<EngineRunner> {
  const { kind, command, prefix } = await chooseEngine();
  const run = (args: readonly string[]) => {
    const all = [...prefix, ...args, "--cwd", projectDir, ...common];
    const child = spawn(command, all, { stdio: ["ignore", "pipe", "pipe"] });
    return collect(child, () => undefined);
  };
  return { kind, run };
}

/** The values of one namespace of a stack's config, by their short keys, without those that are empty. */
export function namespaceOf({ config }: StackContents, namespace: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(config)
      .filter(([key, value]) => key.startsWith(`${namespace}:`) && value !== "")
      .map(([key, value]) => [key.slice(namespace.length + 1), value]),
  );
}

const cliConfig = z.record(z.string(), z.looseObject({ value: z.string().optional() }));

async function configOfCli({ stack, configFile }: StackPlace, runner: EngineRunner) {
  const file = configFile === undefined ? [] : ["--config-file", configFile];
  const text = await must(runner, ["config", "--json", "--show-secrets", "--stack", stack, ...file]);
  const values = parse(cliConfig, text, "the config");
  return Object.fromEntries(Object.entries(values).map(([key, { value = "" }]) => [key, value]));
}

/** The local engine can't list the config: plain values come from the file, encrypted ones from `config get`. */
async function configOfFile(place: StackPlace, runner: EngineRunner): Promise<Record<string, string>> {
  const { stack, projectDir = repository } = place;
  const file = StackConfigFile.of(projectDir, stack, place.configFile);
  if (!existsSync(file.path)) {
    throw new StackUnreadableError(`stack ${stack} has no config file`, "check the name given to --stack");
  }
  const nodes = file.values();
  const secret = Object.keys(nodes).filter((key) => hasSecure(nodes[key] ?? null));
  const project = readProject(projectDir);
  const plain = configValues(project, stack, nodes, () => "");
  const values = Object.fromEntries([...plain].map(([key, { text }]) => [key, text]));
  for (const key of secret) {
    const full = key.includes(":") ? key : `${project.name}:${key}`;
    values[full] = await must(runner, ["config", "get", key, "--stack", stack, "--config-file", file.path]);
  }
  return values;
}

const exported = z.looseObject({
  deployment: z
    .looseObject({
      resources: z
        .array(
          z.looseObject({
            urn: z.string(),
            type: z.string(),
            id: z.string().optional(),
            delete: z.boolean().optional(),
            inputs: z.record(z.string(), z.unknown()).optional(),
            outputs: z.record(z.string(), z.unknown()).optional(),
          }),
        )
        .nullish(),
    })
    .nullable(),
});

async function readState({ stack, projectDir = repository, configFile }: StackPlace, runner: EngineRunner) {
  // The local engine reads the salt of the secrets from the config file; the CLI has it in the state.
  const { path } = StackConfigFile.of(projectDir, stack, configFile);
  const salt = runner.kind === "local" ? ["--config-file", path] : [];
  const text = await must(runner, ["stack", "export", "--show-secrets", "--stack", stack, ...salt]);
  const { deployment } = parse(exported, text, "the state");
  return (deployment?.resources ?? [])
    .filter((one) => one.delete !== true)
    .map(
      ({ urn, type, id, inputs = {}, outputs = {} }): StateResource => ({
        urn,
        type,
        id,
        name: urn.split("::").at(-1) ?? urn,
        inputs: revealAll(inputs),
        outputs: revealAll(outputs),
      }),
    );
}

function revealAll(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, reveal(value)]));
}

/** Unwraps secrets at any depth; their plain text is JSON. */
function reveal(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reveal);
  if (typeof value !== "object" || value === null) return value;
  const fields = value as Record<string, unknown>;
  if (fields[SIGNATURE_KEY] !== SECRET_SIGNATURE) return revealAll(fields);
  return typeof fields.plaintext === "string" ? reveal(JSON.parse(fields.plaintext)) : undefined;
}

async function must(runner: EngineRunner, args: readonly string[]): Promise<string> {
  const command = args.slice(0, 2).filter((word) => !word.startsWith("--"));
  const result = await runner.run(args).catch((error: unknown) => {
    throw new StackUnreadableError(`${command.join(" ")} did not run (${String(error)})`, "check PATH");
  });
  if (result.exitCode === 0) return result.stdout;
  // Only stderr is shown: stdout may hold a secret.
  const why = result.stderr.trim().split("\n").slice(-3).join(" ").slice(0, 500);
  throw new StackUnreadableError(
    `\`${command.join(" ")}\` ended with ${result.exitCode}: ${why}`,
    runner.kind === "local"
      ? "check --stack; for a real stack put the Pulumi CLI on PATH, since otherwise the local engine of drills and tests is used"
      : "check --stack, the login to the backend and the passphrase, as for `pulumi stack export`",
  );
}

function parse<T>(shape: z.ZodType<T>, text: string, what: string): T {
  try {
    return shape.parse(JSON.parse(text));
  } catch {
    // The cause would quote the text that was read.
    throw new StackUnreadableError(`${what} of the stack has an unknown format`, "update the engine");
  }
}
