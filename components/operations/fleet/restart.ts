import pLimit, { type LimitFunction } from "p-limit";
import { messageOf } from "../base/errors.ts";
import { inSpan } from "../telemetry/telemetry.ts";
import { type Instance, targetNameOf } from "./instances.ts";

export type RestartStrategy = "refresh" | "restart" | "refresh-then-restart";

export interface RestartSettings {
  /** Default: `refresh-then-restart`. */
  strategy: RestartStrategy;
  /** Milliseconds for one workload's roll-out, or one instance's restart. Default: 600 000. */
  timeoutMs: number;
  /** What the start-up log of a restarted instance must show: a regular expression, case-insensitive. */
  bootstrapPattern: string;
  /** Restarts one instance of the static list: program and arguments. Empty: they can't be restarted. */
  command: string[];
  /** Prints the log of one instance of the static list. Empty: it is not checked. */
  logs: string[];
}

/** An instance that has to be restarted, and why. */
export interface RestartCandidate {
  instance: Instance;
  reason: string;
}

/** The result of restarting a workload, or an instance of the static list. */
export interface RestartResult {
  target?: string;
  /** A workload, such as `deployment/shop-api`, or an instance's name. */
  subject: string;
  /** Why it was restarted, or should have been. */
  because: string[];
  outcome: "done" | "failed";
  /** ISO 8601 UTC. */
  startedAt: string;
  /** ISO 8601 UTC. */
  finishedAt: string;
  /** Whether the log of an instance of the static list shows the bootstrap. Absent for pods: the verification reads their logs. */
  bootstrap?: "seen" | "not-checked";
  /** Why it failed: the error's code, and what the pods or the commands printed. */
  reason?: string;
}

/** How a target restarts its instances. */
export interface RestartOptions {
  settings: RestartSettings;
  /** When the change was complete that the restart has to put into effect, ISO 8601 UTC. */
  after: string;
  /** Removes secrets from logs. */
  redact: (text: string) => string;
  /** Shows a line to the user. */
  progress: (line: string) => void;
  /** How many restarts may run side by side, over all targets. */
  limit: LimitFunction;
}

/** What restarts the instances of one target. */
export interface Restarter {
  name: string;
  /** Whether a restart is worth trying: a target that can say why it failed is always asked. */
  canRestart(settings: RestartSettings): boolean;
  /** Restarts what the candidates belong to. Never throws: a failure is a result. */
  restart(candidates: readonly RestartCandidate[], options: RestartOptions): Promise<RestartResult[]>;
}

export interface RestartContext extends Omit<RestartOptions, "limit"> {
  targets: readonly Restarter[];
}

const restartsAtOnce = 4;

/** Restarts what the candidates belong to, each target in its own way and the targets side by side. */
export async function restartAll(
  candidates: readonly RestartCandidate[],
  { targets, ...given }: RestartContext,
): Promise<RestartResult[]> {
  const options = { ...given, limit: pLimit(restartsAtOnce) };
  const byTarget = Map.groupBy(candidates, ({ instance }) => targetNameOf(instance));
  const results = await Promise.all(
    [...byTarget].map(
      ([name, group]) =>
        targets.find((target) => target.name === name)?.restart(group, options) ?? group.map(withoutTarget),
    ),
  );
  return results.flat();
}

/** Whether the strategy and the instance's target allow for a restart. */
export function isRestartable(
  targets: readonly Restarter[],
  instance: Instance,
  settings: RestartSettings,
): boolean {
  const target = targets.find(({ name }) => name === targetNameOf(instance));
  return settings.strategy !== "refresh" && target?.canRestart(settings) === true;
}

function withoutTarget({ instance, reason }: RestartCandidate): RestartResult {
  const base = { subject: instance.name, because: [reason], startedAt: new Date().toISOString() };
  return restartFailed(base, new Error(`there is no target ${targetNameOf(instance)}`));
}

/** Records the restart of one workload or instance as a span. */
export function tracedRestart(restart: () => Promise<RestartResult>): Promise<RestartResult> {
  return inSpan(
    "restart",
    () => ({}),
    async (span) => {
      const result = await restart();
      span.set({
        "jwks.subject": result.subject,
        "jwks.target": result.target,
        "jwks.outcome": result.outcome,
      });
      if (result.outcome === "failed") span.fail("RESTART_FAILED");
      return result;
    },
  );
}

/** The result of a restart that failed. */
export function restartFailed(
  base: Pick<RestartResult, "target" | "subject" | "because" | "startedAt">,
  error: unknown,
): RestartResult {
  return { ...base, outcome: "failed", finishedAt: new Date().toISOString(), reason: messageOf(error) };
}

/** A restart that failed, as one sentence. */
export function describeFailedRestart({ subject, reason }: RestartResult): string {
  return `${subject} could not be restarted: ${reason}`;
}
