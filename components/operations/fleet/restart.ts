import pLimit from "p-limit";
import { messageOf, RotationError } from "../base/errors.ts";
import { listNames } from "../base/list-names.ts";
import { inSpan } from "../telemetry/telemetry.ts";
import type { Instance } from "./instances.ts";
import { restartByCommand } from "./restart-command.ts";
import { clusterOf, type OpenTarget } from "./targets.ts";

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

/** An instance that is to be restarted, and why. */
export interface RestartCandidate {
  instance: Instance;
  reason: string;
}

/** What came of restarting a workload, or an instance of the static list. */
export interface RestartResult {
  target?: string;
  /** A workload, as `deployment/shop-api`, or an instance's name. */
  subject: string;
  /** Why it was restarted, or should have been. */
  because: string[];
  outcome: "done" | "failed";
  /** ISO 8601 UTC. */
  startedAt: string;
  /** ISO 8601 UTC. */
  finishedAt: string;
  /** Whether the start-up log of an instance of the static list was seen to show the bootstrap. Pods: the verification's. */
  bootstrap?: "seen" | "not-checked";
  /** Why it failed, with its code and what the pods or the commands had to say. */
  reason?: string;
}

export interface RestartContext {
  targets: readonly OpenTarget[];
  settings: RestartSettings;
  /** Completion of what the restart is to put into effect, ISO 8601 UTC. */
  after: string;
  /** Takes secrets out of logs. */
  redact: (text: string) => string;
  /** Lines that can be shown. */
  progress: (line: string) => void;
}

/** Workloads restarted at a time. */
const workloadsAtOnce = 4;

/** Restarts what the candidates belong to: workloads side by side, instances of the static list one after another. */
export async function restartAll(
  candidates: readonly RestartCandidate[],
  context: RestartContext,
): Promise<RestartResult[]> {
  const pods = candidates.filter(({ instance }) => instance.pod !== undefined);
  const others = candidates.filter(({ instance }) => instance.pod === undefined);
  const limit = pLimit(workloadsAtOnce);
  const workloads = limit.map([...byWorkload(pods).values()], (group) =>
    traced(() => restartGroup(group, context)),
  );
  const single: RestartResult[] = [];
  for (const candidate of others) single.push(await traced(() => restartInstance(candidate, context)));
  return [...(await workloads), ...single];
}

function traced(restart: () => Promise<RestartResult>): Promise<RestartResult> {
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

function byWorkload(candidates: readonly RestartCandidate[]): Map<string, RestartCandidate[]> {
  return Map.groupBy(
    candidates,
    ({ instance: { name, target, pod } }) => `${target} ${pod?.workload ?? `pod/${name}`}`,
  );
}

async function restartGroup(
  group: readonly RestartCandidate[],
  { targets, settings, after, redact, progress }: RestartContext,
): Promise<RestartResult> {
  const [{ instance: { name = "", target = "", pod } = {} } = {}] = group as [Partial<RestartCandidate>?];
  const subject = pod?.workload ?? `pod/${name}`;
  const base = { target, subject, because: describe(group), startedAt: new Date().toISOString() };
  const opened = clusterOf(targets, target);
  const { parseWorkload } = await import("./kubernetes/workload.ts");
  const listed = opened?.target.workloads.map((text) => parseWorkload(text, opened.target.namespace)) ?? [];
  const workload = listed.find((one) => one && `${one.kind}/${one.name}` === subject);
  if (!opened || !workload) return failed(base, notListed(target, subject));
  progress(`restarting ${subject} in target ${target}: ${base.because.join("; ")}`);
  const { restartWorkload } = await import("./kubernetes/rollout.ts");
  const rollout = await restartWorkload(opened.cluster, workload, {
    after,
    timeoutMs: settings.timeoutMs,
    redact,
    progress,
    selector: opened.target.selector,
  });
  const { outcome, startedAt, finishedAt, reason, podLogs = [] } = rollout;
  const tail = podLogs.length > 0 ? `\n  ${podLogs.join("\n  ")}` : "";
  return { ...base, outcome, startedAt, finishedAt, ...(reason ? { reason: `${reason}${tail}` } : {}) };
}

async function restartInstance(
  { instance, reason }: RestartCandidate,
  { settings, redact, progress }: RestartContext,
): Promise<RestartResult> {
  const base = { subject: instance.name, because: [reason], startedAt: new Date().toISOString() };
  progress(`restarting ${instance.name}: ${reason}`);
  try {
    const { bootstrap } = await restartByCommand(instance, settings, redact);
    return { ...base, outcome: "done", finishedAt: new Date().toISOString(), bootstrap };
  } catch (error) {
    return failed(base, error);
  }
}

function failed(
  base: Pick<RestartResult, "subject" | "because" | "startedAt">,
  error: unknown,
): RestartResult {
  return { ...base, outcome: "failed", finishedAt: new Date().toISOString(), reason: messageOf(error) };
}

function notListed(target: string, subject: string): RotationError {
  return new RotationError(
    "WORKLOAD_NOT_RESTARTABLE",
    `${subject} is not in the workloads of target ${target}`,
    {
      nextStep: `add it there, or restart it by hand; then run the same up again`,
    },
  );
}

/** A restart that failed, as one sentence. */
export function describeFailedRestart({ subject, reason }: RestartResult): string {
  return `${subject} could not be restarted: ${reason}`;
}

/** Each reason once, with the instances that it is true of. */
function describe(group: readonly RestartCandidate[]): string[] {
  const byReason = Map.groupBy(group, ({ reason }) => reason);
  return [...byReason].map(
    ([reason, ones]) => `${listNames(ones.map(({ instance }) => instance.name))}: ${reason}`,
  );
}
