import { text } from "node:stream/consumers";
import { configValues } from "../../../stack-file/config-values.ts";
import { isSecureValue } from "../../../stack-file/stack-config.ts";
import { parsePropertyPath } from "../deploy/ignore-changes.ts";
import { EngineError, EXIT } from "../engine-error.ts";
import type { CommandContext } from "./context.ts";

function pathOf(context: CommandContext, key: string): (string | number)[] {
  const [first = "", ...rest] = context.commandLine.flags.path ? parsePropertyPath(key) : [key];
  const full = first.includes(":") ? first : `${context.project.name}:${first}`;
  return [full, ...rest.map((part) => (/^\d+$/.test(part) ? Number(part) : part))];
}

async function set(
  context: CommandContext,
  key: string | undefined,
  given: string | undefined,
): Promise<void> {
  if (key === undefined) throw new EngineError("missing config key", EXIT.configuration);
  const { flags } = context.commandLine;
  // Without a value on the command line it comes from stdin: secrets don't belong into a process list.
  const value = given ?? (await text(process.stdin)).replace(/\r?\n$/, "");
  const { stack } = context.existingStack();
  const file = context.configFile(stack);
  const crypter = flags.secret ? await context.crypter(file) : undefined;
  file.set(pathOf(context, key), crypter === undefined ? value : { secure: crypter.encrypt(value) });
  await file.save();
}

async function get(context: CommandContext, key: string | undefined): Promise<void> {
  if (key === undefined) throw new EngineError("missing config key", EXIT.configuration);
  const { stack } = context.existingStack();
  const file = context.configFile(stack);
  const [full = ""] = pathOf(context, key);
  const node = file.values()[full] ?? null;
  if (isSecureValue(node)) return context.print((await context.crypter(file)).decrypt(node.secure));
  const crypter = file.salt === undefined ? undefined : await context.crypter(file);
  const decrypt = (ciphertext: string): string => crypter?.decrypt(ciphertext) ?? "";
  const value = configValues({ ...context.project, config: {} }, stack, file.values(), decrypt).get(
    String(full),
  );
  if (value === undefined) throw new EngineError(`configuration key '${key}' not found for stack '${stack}'`);
  context.print(value.text);
}

/** `pulumi config set|get|rm`. */
export async function configCommand(context: CommandContext, words: readonly string[]): Promise<void> {
  const [verb, key, value] = words;
  if (verb === "set") return set(context, key, value);
  if (verb === "get") return get(context, key);
  if (verb === "rm" && key !== undefined) {
    const file = context.configFile(context.existingStack().stack);
    file.remove(pathOf(context, key));
    return file.save();
  }
  throw new EngineError(`unknown command "config ${verb ?? ""}" of the local engine`, EXIT.configuration);
}
