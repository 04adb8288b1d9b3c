import { parseArgs } from "node:util";
import type { StackPlace } from "./stack-reader.ts";

/** What a script takes that looks at a stack. */
export interface StackOptions {
  place: StackPlace;
  /** File that gets the result for machines. */
  json: string | undefined;
  /** File that gets the result for a pull request or an issue. */
  markdown: string | undefined;
}

/** Reads the command line. Throws an Error for people where it is wrong. */
export function readStackOptions(argv: readonly string[]): StackOptions | "help" {
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
  if (!values.stack) throw new Error("--stack is missing: say which stack");
  const configFile = values["config-file"];
  return {
    // As for pulumi itself; npm runs a script in the package's folder.
    place: {
      stack: values.stack,
      projectDir: process.cwd(),
      ...(configFile === undefined ? {} : { configFile }),
    },
    json: values.json,
    markdown: values.markdown,
  };
}
