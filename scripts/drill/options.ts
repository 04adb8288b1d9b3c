import { parseArgs } from "node:util";
import { type Misbehaviour, parseMisbehave } from "../lab/fleet.ts";

const strategies = ["refresh", "restart", "refresh-then-restart"] as const;
export type Strategy = (typeof strategies)[number];
const modes = ["emergency", "planned"] as const;
export type Mode = (typeof modes)[number];

export interface DrillOptions {
  mode: Mode;
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
  /** A session is stolen too, and ended in the emergency. */
  sessions: boolean;
  /** Admin operations are frozen while the emergency runs. */
  freeze: boolean;
}

const flag = { type: "boolean", default: false } as const;

/** Reads the drill's options. Throws an Error with one line for each problem. */
export function readOptions(argv: readonly string[]): DrillOptions | "help" {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      mode: { type: "string", default: "emergency" },
      instances: { type: "string", default: "5" },
      misbehave: { type: "string", multiple: true, default: [] },
      evidence: { type: "string", default: "evidence" },
      json: { type: "string" },
      keep: flag,
      verbose: flag,
      kubernetes: flag,
      strategy: { type: "string" },
      churn: flag,
      sessions: flag,
      freeze: flag,
      help: flag,
    },
  });
  if (values.help) return "help";
  const { json, keep, verbose, kubernetes, churn, sessions, freeze, evidence: evidenceDir } = values;
  const mode = modes.find((known) => known === values.mode);
  const instances = Number(values.instances);
  const misbehave = values.misbehave.map(parseMisbehave);
  const strategy = strategies.find((known) => known === values.strategy);
  const problems = [
    ...(mode ? [] : [`--mode must be one of ${modes.join(", ")}`]),
    ...(mode === "planned" ? plannedProblems(values) : []),
    ...instanceProblems(instances, misbehave),
    ...(values.strategy === undefined || strategy
      ? []
      : [`--strategy must be one of ${strategies.join(", ")}`]),
    ...(kubernetes ? [] : podProblems(values)),
  ];
  if (!mode || problems.length > 0) throw new Error(problems.join("\n"));
  const parts = { kubernetes, churn, sessions, freeze };
  return { mode, instances, misbehave, evidenceDir, json, keep, verbose, strategy, ...parts };
}

function plannedProblems(values: Record<"churn" | "sessions" | "freeze", boolean>): string[] {
  return [
    ...(values.sessions ? ["--sessions works in emergency mode only: remove --mode planned"] : []),
    ...(values.freeze ? ["--freeze works in emergency mode only: remove --mode planned"] : []),
    ...(values.churn
      ? ["--churn works in emergency mode only: calls that users send to a deleted pod would fail"]
      : []),
  ];
}

function instanceProblems(instances: number, misbehave: readonly Misbehaviour[]): string[] {
  const misbehaving = misbehave.reduce((sum, { count }) => sum + count, 0);
  return [
    ...(Number.isInteger(instances) && instances >= 1
      ? []
      : ["--instances must be a whole number of 1 or more"]),
    ...(misbehaving > instances ? ["--misbehave asks for more instances than --instances starts"] : []),
  ];
}

function podProblems({ strategy, churn }: { strategy?: string; churn: boolean }): string[] {
  return [
    ...(strategy === undefined
      ? []
      : ["--strategy needs --kubernetes: plain processes are not a workload that can be restarted"]),
    ...(churn ? ["--churn needs --kubernetes: plain processes are not scaled"] : []),
  ];
}
