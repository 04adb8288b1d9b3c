import { parseArgs } from "node:util";
import type { StackPlace } from "../stack-reader.ts";

export interface PreviewOptions {
  place: StackPlace;
  /** File that gets the pull request's comment. */
  markdown: string | undefined;
  /** File that gets the summary for machines. */
  json: string | undefined;
}

export const usage = `npm run preview -- --stack NAME [options]

Says in words what \`pulumi up\` would do to the realm's keys, the instances and the users. Changes nothing, neither in
Keycloak nor on an instance. Exit code: 0 a sound change or none, 1 an up would be refused, or nobody could tell.

  --stack NAME         the stack
  --markdown FILE      also writes a pull request's comment, of 64,000 characters at most
  --json FILE          also writes the summary for machines
  --config-file FILE   the stack's config file (Pulumi.NAME.yaml)
  --help               this text`;

/** Reads the command line. Throws an Error for people where it is wrong. */
export function readOptions(argv: readonly string[]): PreviewOptions | "help" {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      stack: { type: "string", short: "s" },
      markdown: { type: "string" },
      json: { type: "string" },
      "config-file": { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return "help";
  if (!values.stack) throw new Error("--stack is missing: say which stack");
  const configFile = values["config-file"];
  return {
    place: { stack: values.stack, ...(configFile === undefined ? {} : { configFile }) },
    markdown: values.markdown,
    json: values.json,
  };
}
