import { parseArgs } from "node:util";
import { type Misbehaviour, parseMisbehave } from "../lab/fleet.ts";

export interface DrillOptions {
  instances: number;
  misbehave: Misbehaviour[];
  evidenceDir: string;
  json: string | undefined;
  keep: boolean;
  verbose: boolean;
}

export const usage = `npm run drill -- [options]

Rehearses an emergency rotation on this machine: a real Keycloak, real API processes, the real program.

  --instances N           API processes to start (5)
  --misbehave KIND:COUNT  let COUNT of them misbehave; may be given several times:
                          keep-cache, hang, error-500, redirect, refuse, lie-kids
  --evidence DIR          where the evidence goes (evidence)
  --json FILE             write a summary for machines
  --keep                  leave everything running and print how to look around
  --verbose               show every line of the engine's output
  --help                  this text

Exit code: 0 verified, 1 not verified, 2 wrong options.`;

/** Reads the drill's options. Throws an Error with one line for each problem. */
export function readOptions(argv: readonly string[]): DrillOptions | "help" {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      instances: { type: "string", default: "5" },
      misbehave: { type: "string", multiple: true, default: [] },
      evidence: { type: "string", default: "evidence" },
      json: { type: "string" },
      keep: { type: "boolean", default: false },
      verbose: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return "help";
  const instances = Number(values.instances);
  const misbehave = values.misbehave.map(parseMisbehave);
  const problems = [
    ...(Number.isInteger(instances) && instances >= 1
      ? []
      : ["--instances is not a whole number of 1 or more"]),
    ...(misbehave.reduce((sum, { count }) => sum + count, 0) > instances
      ? ["--misbehave names more instances than --instances starts"]
      : []),
  ];
  if (problems.length > 0) throw new Error(problems.join("\n"));
  return {
    instances,
    misbehave,
    evidenceDir: values.evidence,
    json: values.json,
    keep: values.keep,
    verbose: values.verbose,
  };
}
