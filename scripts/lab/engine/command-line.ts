import { parseArgs } from "node:util";
import { EngineError, EXIT, messageOf } from "./engine-error.ts";

const OPTIONS = {
  stack: { type: "string", short: "s" },
  cwd: { type: "string", short: "C" },
  "config-file": { type: "string" },
  "non-interactive": { type: "boolean" },
  color: { type: "string" },
  "suppress-outputs": { type: "boolean" },
  "suppress-progress": { type: "boolean" },
  yes: { type: "boolean", short: "y" },
  "skip-preview": { type: "boolean", short: "f" },
  parallel: { type: "string", short: "p" },
  refresh: { type: "string", short: "r" },
  diff: { type: "boolean" },
  json: { type: "boolean", short: "j" },
  "expect-no-changes": { type: "boolean" },
  "preview-only": { type: "boolean" },
  "clear-pending-creates": { type: "boolean" },
  "show-secrets": { type: "boolean" },
  "secrets-provider": { type: "string" },
  secret: { type: "boolean" },
  plaintext: { type: "boolean" },
  path: { type: "boolean" },
  force: { type: "boolean" },
  "preserve-config": { type: "boolean" },
  file: { type: "string" },
} as const;

export interface CommandLine {
  /** The command and its arguments. */
  readonly words: readonly string[];
  readonly flags: ReturnType<typeof parseFlags>["values"];
}

// `--refresh` may stand alone; parseArgs has no optional values.
function normalized(argv: readonly string[]): string[] {
  return argv.map((arg) => (arg === "--refresh" || arg === "-r" ? "--refresh=true" : arg));
}

function parseFlags(argv: readonly string[]) {
  return parseArgs({ args: normalized(argv), options: OPTIONS, allowPositionals: true, strict: true });
}

/** Parses the flags that this engine shares with the Pulumi CLI. An unknown flag is an error, as there. */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  try {
    const { values, positionals } = parseFlags(argv);
    return { words: positionals, flags: values };
  } catch (error) {
    throw new EngineError(messageOf(error), EXIT.configuration);
  }
}
