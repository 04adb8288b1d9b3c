import { parseArgs } from "node:util";

export interface EvidenceOptions {
  /** Directory of the bundle. */
  directory: string;
  /** File of the public key. Undefined: the signature is not checked. */
  key: string | undefined;
  /** File that gets the findings as JSON. */
  json: string | undefined;
}

/** Reads the command's options. Throws an Error with what is wrong. */
export function readOptions(argv: readonly string[]): EvidenceOptions | "help" {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      key: { type: "string" },
      json: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return "help";
  const [command, directory, ...rest] = positionals;
  if (command !== "verify") throw new Error("the only command is: verify DIR");
  if (directory === undefined || rest.length > 0) throw new Error("verify takes one directory");
  return { directory, key: values.key, json: values.json };
}

export const usage = `npm run evidence -- verify DIR [--key FILE] [--json FILE]

Checks an evidence bundle: that every file is what it was, that the signature fits, and that
the verdicts follow from the answers beside them. It asks nobody and changes nothing.

  DIR          a bundle, such as evidence/INC-4711/8
  --key FILE   the public key, a JWK or PEM, as "pulumi stack output evidenceKey" gives it;
               take it from there and not from beside the bundle
  --json FILE  writes the findings as JSON, too

Exit code: 0 nothing is wrong, 2 something is, 1 it could not be told.`;
