import { StackFileError } from "../../stack-file/stack-file-error.ts";
import { type CommandLine, parseCommandLine } from "./command-line.ts";
import { configCommand } from "./commands/config.ts";
import { CommandContext } from "./commands/context.ts";
import { Operation } from "./commands/operation.ts";
import { stackCommand } from "./commands/stack.ts";
import { EngineError, EXIT } from "./engine-error.ts";
import { removeLocks } from "./state/lock.ts";

async function run({ words: [command = "", ...rest], flags }: CommandLine): Promise<void> {
  const context = new CommandContext({ words: rest, flags }, process.env);
  switch (command) {
    case "stack":
      return stackCommand(context, rest);
    case "config":
      return configCommand(context, rest);
    case "up":
    case "preview":
    case "refresh":
    case "destroy":
      return new Operation(context, command).run();
    case "cancel":
      return removeLocks(context.backend.lockDir(context.existingStack()));
    default:
      throw new EngineError(`unknown command "${command}" of the local engine`, EXIT.configuration);
  }
}

try {
  await run(parseCommandLine(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof EngineError || error instanceof StackFileError)) throw error;
  if (error.message !== "") process.stderr.write(`error: ${error.message}\n`);
  process.exitCode = error.exitCode;
}
