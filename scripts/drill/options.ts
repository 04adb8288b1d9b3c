import { parseArgs } from "node:util";
import { type Misbehaviour, parseMisbehave } from "../lab/fleet.ts";

const strategies = ["refresh", "restart", "refresh-then-restart"] as const;
export type Strategy = (typeof strategies)[number];

export interface DrillOptions {
  instances: number;
  misbehave: Misbehaviour[];
  evidenceDir: string;
  json: string | undefined;
  keep: boolean;
  verbose: boolean;
  /** The instances are pods. */
  kubernetes: boolean;
  /** Undefined: the program's own default. */
  strategy: Strategy | undefined;
  churn: boolean;
}

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
      kubernetes: { type: "boolean", default: false },
      strategy: { type: "string" },
      churn: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return "help";
  const { json, keep, verbose, kubernetes, churn, evidence: evidenceDir } = values;
  const instances = Number(values.instances);
  const misbehave = values.misbehave.map(parseMisbehave);
  const strategy = strategies.find((known) => known === values.strategy);
  const problems = [
    ...instanceProblems(instances, misbehave),
    ...(values.strategy === undefined || strategy ? [] : [`--strategy is none of ${strategies.join(", ")}`]),
    ...(kubernetes ? [] : podProblems(values)),
  ];
  if (problems.length > 0) throw new Error(problems.join("\n"));
  return { instances, misbehave, evidenceDir, json, keep, verbose, kubernetes, strategy, churn };
}

function instanceProblems(instances: number, misbehave: readonly Misbehaviour[]): string[] {
  const misbehaving = misbehave.reduce((sum, { count }) => sum + count, 0);
  return [
    ...(Number.isInteger(instances) && instances >= 1
      ? []
      : ["--instances is not a whole number of 1 or more"]),
    ...(misbehaving > instances ? ["--misbehave names more instances than --instances starts"] : []),
  ];
}

function podProblems({ strategy, churn }: { strategy?: string; churn: boolean }): string[] {
  return [
    ...(strategy === undefined
      ? []
      : ["--strategy needs --kubernetes: without it there is no workload that could be restarted"]),
    ...(churn ? ["--churn needs --kubernetes: plain processes do not come and go"] : []),
  ];
}
