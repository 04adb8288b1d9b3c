import { parseArgs } from "node:util";

export interface EvidenceOptions {
  /** Directory of the bundle. */
  directory: string;
  /** File with the public key. Undefined: the signature is not checked. */
  key: string | undefined;
  /** File for the findings as JSON. */
  json: string | undefined;
}

/** Reads the command's options. Throws an Error that says what is wrong. */
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

Checks an evidence bundle: that no file was changed, that the signature is valid, and that the
verdicts follow from the recorded answers. It works offline and changes nothing.

  DIR          a bundle, such as evidence/INC-4711/8
  --key FILE   the public key, a JWK or PEM, as "pulumi stack output evidenceKey" gives it;
               get it from there, not from the place where the bundle is kept
  --json FILE  also writes the findings as JSON

Exit code: 0 nothing is wrong, 2 something is wrong, 1 the bundle could not be checked.`;
