import { RotationError } from "../../base/errors.ts";
import { listNames } from "../../base/list-names.ts";
import {
  type RestartCandidate,
  type RestartOptions,
  type RestartResult,
  restartFailed,
  tracedRestart,
} from "../restart.ts";
import type { Cluster } from "./cluster.ts";
import type { KubernetesTarget } from "./kubernetes-target.ts";
import { restartWorkload } from "./rollout.ts";
import { parseWorkload, workloadText } from "./workload.ts";

/** Restarts the workloads that pods belong to, side by side. Never throws: a failure is a result. */
export function restartWorkloads(
  cluster: Cluster,
  target: KubernetesTarget,
  candidates: readonly RestartCandidate[],
  options: RestartOptions,
): Promise<RestartResult[]> {
  const bySubject = Map.groupBy(candidates, subjectOf);
  return options.limit.map([...bySubject], ([subject, group]) =>
    tracedRestart(() => restartOne(cluster, target, { subject, because: describe(group) }, options)),
  );
}

/** A pod without a workload is named itself, in order to say that it can't be restarted. */
function subjectOf({ instance: { name, workload } }: RestartCandidate): string {
  return workload ?? `pod/${name}`;
}

async function restartOne(
  cluster: Cluster,
  { name: target, namespace, workloads, selector }: KubernetesTarget,
  { subject, because }: Pick<RestartResult, "subject" | "because">,
  { settings, after, redact, progress }: RestartOptions,
): Promise<RestartResult> {
  const base = { target, subject, because, startedAt: new Date().toISOString() };
  const listed = workloads.flatMap((text) => parseWorkload(text, namespace) ?? []);
  const workload = listed.find((one) => workloadText(one) === subject);
  if (!workload) return restartFailed(base, notListed(target, subject));
  progress(`restarting ${subject} in target ${target}: ${because.join("; ")}`);
  const { timeoutMs } = settings;
  const rollout = await restartWorkload(cluster, workload, { after, timeoutMs, redact, progress, selector });
  const { outcome, startedAt, finishedAt, reason, podLogs = [] } = rollout;
  const tail = podLogs.length > 0 ? `\n  ${podLogs.join("\n  ")}` : "";
  return { ...base, outcome, startedAt, finishedAt, ...(reason ? { reason: `${reason}${tail}` } : {}) };
}

function notListed(target: string, subject: string): RotationError {
  return new RotationError(
    "WORKLOAD_NOT_RESTARTABLE",
    `${subject} is not in the workloads of target ${target}`,
    { nextStep: "add it there, or restart it by hand; then run the same up again" },
  );
}

/** Each reason once, with the instances that it applies to. */
function describe(group: readonly RestartCandidate[]): string[] {
  const byReason = Map.groupBy(group, ({ reason }) => reason);
  return [...byReason].map(
    ([reason, ones]) => `${listNames(ones.map(({ instance }) => instance.name))}: ${reason}`,
  );
}
