import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { text } from "node:stream/consumers";
import type { Crypter } from "../../../stack-file/passphrase.ts";
import { masked } from "../display/display-value.ts";
import { EngineError, EXIT } from "../engine-error.ts";
import { mapValues, toPlain } from "../property-values.ts";
import { stackNotFound } from "../state/backend.ts";
import { type DeploymentV3, fromDeployment, toDeployment } from "../state/checkpoint.ts";
import { STACK_TYPE } from "../urn.ts";
import type { CommandContext } from "./context.ts";

async function init(context: CommandContext, given: string | undefined): Promise<void> {
  const stack = given ?? context.commandLine.flags.stack;
  if (stack === undefined) throw new EngineError("missing stack name", EXIT.configuration);
  const name = context.nameOf(stack);
  await context.backend.create(name);
  await context.crypter(context.configFile(name.stack));
  await context.select(name.stack);
  context.print(`Created stack '${name.stack}'`);
}

async function select(context: CommandContext, given: string | undefined): Promise<void> {
  const stack = given ?? context.commandLine.flags.stack;
  if (stack === undefined) throw new EngineError("missing stack name", EXIT.configuration);
  const name = context.nameOf(stack);
  if (!context.backend.exists(name)) throw stackNotFound(name);
  await context.select(name.stack);
}

async function remove(context: CommandContext): Promise<void> {
  const { flags } = context.commandLine;
  const name = context.existingStack();
  if (!flags.yes)
    throw new EngineError(
      "--yes must be passed in to proceed when running in non-interactive mode",
      EXIT.configuration,
    );
  const { resources } = await context.readSnapshot(name);
  if (resources.length > 0 && !flags.force) {
    throw new EngineError(
      `'${name.stack}' still has resources; removal rejected. Run \`pulumi destroy\` first, or use --force`,
    );
  }
  await context.backend.remove(name);
  const { path } = context.configFile(name.stack);
  if (existsSync(path) && !flags["preserve-config"]) await rm(path);
  context.print(`Stack '${name.stack}' has been removed!`);
}

async function output(context: CommandContext, key: string | undefined): Promise<void> {
  const { flags } = context.commandLine;
  const decrypt = flags["show-secrets"] === true;
  const { resources } = await context.readSnapshot(context.existingStack(), { decrypt });
  const outputs = resources.find(({ type }) => type === STACK_TYPE)?.outputs ?? {};
  const shown = mapValues(outputs, flags["show-secrets"] ? toPlain : masked);
  if (key !== undefined) {
    const value = shown[key];
    if (value === undefined) throw new EngineError(`current stack does not have output property '${key}'`);
    return context.print(typeof value === "string" && !flags.json ? value : JSON.stringify(value));
  }
  if (flags.json) return context.print(JSON.stringify(shown, undefined, 2));
  for (const [name, value] of Object.entries(shown)) {
    context.print(`${name}\t${typeof value === "string" ? value : JSON.stringify(value)}`);
  }
}

async function exportState(context: CommandContext): Promise<void> {
  const name = context.existingStack();
  let deployment = await context.backend.read(name);
  if (deployment !== undefined && context.commandLine.flags["show-secrets"]) {
    deployment = toDeployment(await context.readSnapshot(name), await crypterOf(context, deployment), true);
  }
  context.print(JSON.stringify({ version: 3, deployment: deployment ?? null }, undefined, 4));
}

/** A state keeps the salt that it was made with, so the passphrase must be the one of its time. */
async function crypterOf(context: CommandContext, deployment: DeploymentV3): Promise<Crypter> {
  const salt = deployment.secrets_providers?.state.salt;
  if (salt === undefined) throw new EngineError("the state names no secrets provider");
  return context.secrets.crypter(salt);
}

/** Takes a state from stdin, as `export` gives it, with secrets in plain text or not. */
async function importState(context: CommandContext): Promise<void> {
  const name = context.existingStack();
  const { deployment } = JSON.parse(await text(process.stdin)) as { deployment: DeploymentV3 };
  const crypter = await crypterOf(context, deployment);
  await context.writeSnapshot(name, fromDeployment(deployment, crypter), crypter);
  context.print("Import complete.");
}

/** `pulumi stack …`, as far as the lab needs it. */
export async function stackCommand(context: CommandContext, words: readonly string[]): Promise<void> {
  const [verb, argument] = words;
  switch (verb) {
    case "init":
      return init(context, argument);
    case "select":
      return select(context, argument);
    case "rm":
      return remove(context);
    case "output":
      return output(context, argument);
    case "import":
      return importState(context);
    case "export":
      return exportState(context);
    default:
      throw new EngineError(`unknown command "stack ${verb ?? ""}" of the local engine`, EXIT.configuration);
  }
}
