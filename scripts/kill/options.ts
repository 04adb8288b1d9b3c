import { parseArgs } from "node:util";
import { Refused } from "./refused.ts";

export interface KillOptions {
  stack: string;
  incident: string;
  /** The only realm to rotate; undefined: all of the config. */
  realm: string | undefined;
  /** The realms that are confirmed on the command line; undefined: they are asked for. */
  confirmed: readonly string[] | undefined;
  /** Whether the outcome is printed as JSON, and everything else on standard error. */
  json: boolean;
  /** Folder of `Pulumi.yaml`. */
  projectDir: string;
  /** The stack's config file. Default: `Pulumi.<stack>.yaml` in the project's folder. */
  configFile: string | undefined;
}

export const usage = `npm run kill -- --stack NAME --incident TICKET [options]

The emergency rotation of \`pulumi up\`, without Pulumi: for when the state's backend is down, or locked by an update that
hangs. Makes new keys, disables every other signing key of the realm, tells the instances, proves, and writes the evidence.
It reads the stack's config file and the environment, and asks before it touches anything. Running the same command again is
always safe: it goes on where the last one stopped.

  --stack NAME         the stack: its config is in Pulumi.NAME.yaml
  --incident TICKET    the incident
  --realm NAME         only this realm. Default: all realms of the config, at the same time
  --yes REALM,REALM    confirms without a question: must name exactly the realms that are rotated
  --json               prints the outcome as JSON, and all else on standard error
  --config-file FILE   the stack's config file
  --help               this text

Environment: PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE opens the secrets of the config file. A secret that they
can't open is taken from the environment: KEYCLOAK_CLIENT_SECRET, INTERNAL_JWKS_REFRESH_TOKEN; the error names the others.

Exit code: 0 the old keys are dead and every instance is proven; 1 not everything is proven, and the last lines say whether
the keys are dead; 2 refused, nothing was touched.`;

/** Reads the command line. */
export function readOptions(argv: readonly string[], projectDir: string): KillOptions | "help" {
  const { values } = parse(argv);
  if (values.help) return "help";
  const { stack, incident } = values;
  const problems = [
    ...(stack ? [] : ["--stack is missing: name the stack"]),
    ...(incident ? [] : ["--incident is missing: name the ticket; it goes into the evidence"]),
  ];
  if (!stack || !incident) throw new Refused(problems, usage);
  return {
    ...{ stack, incident, projectDir, json: values.json },
    realm: values.realm,
    confirmed: values.yes?.split(",").map((name) => name.trim()),
    configFile: values["config-file"],
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        stack: { type: "string", short: "s" },
        incident: { type: "string" },
        realm: { type: "string" },
        yes: { type: "string" },
        json: { type: "boolean", default: false },
        "config-file": { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    throw new Refused([error instanceof Error ? error.message : String(error)], usage);
  }
}
