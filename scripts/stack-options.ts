import { parseArgs } from "node:util";
import { messageOf } from "#operations/base/errors";
import type { StackPlace } from "./stack-reader.ts";

/** Options of a script that reads a stack. */
export interface StackOptions {
  place: StackPlace;
  /** File for the result as JSON. */
  json: string | undefined;
  /** File for the result as Markdown, for a pull request or an issue. */
  markdown: string | undefined;
}

/**
 * Runs a script on the stack that the command line names. A wrong command line is answered with the usage.
 *
 * @param failedCode exit code where it can't run. Default: 1
 */
export async function runOnStack(
  usage: string,
  main: (options: StackOptions) => Promise<void>,
  failedCode = 1,
): Promise<void> {
  try {
    const options = readArguments(usage);
    if (options === "help") console.log(usage);
    else await main(options);
  } catch (error) {
    console.error(messageOf(error));
    process.exitCode = failedCode;
  }
}

function readArguments(usage: string): StackOptions | "help" {
  try {
    return readStackOptions(process.argv.slice(2));
  } catch (error) {
    throw new Error(`${messageOf(error)}\n\n${usage}`, { cause: error });
  }
}

/** Throws an Error with a readable message where the command line is wrong. */
function readStackOptions(argv: readonly string[]): StackOptions | "help" {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      stack: { type: "string", short: "s" },
      json: { type: "string" },
      markdown: { type: "string" },
      "config-file": { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return "help";
  if (!values.stack) throw new Error("--stack is missing: name the stack");
  const configFile = values["config-file"];
  return {
    // As pulumi does; npm runs scripts in the package's folder.
    place: {
      stack: values.stack,
      projectDir: process.cwd(),
      ...(configFile === undefined ? {} : { configFile }),
    },
    json: values.json,
    markdown: values.markdown,
  };
}
