import type { V1Pod } from "@kubernetes/client-node";
import { type Cluster, callCluster } from "./cluster.ts";
import { restartedAtKey } from "./rollout-status.ts";
import { type Workload, workloadOfPod, workloadText } from "./workload.ts";

/** The pods of one workload that have not ended. Those that are ending count: they may still serve. */
export interface WorkloadPods {
  /** Of the newest template. */
  fresh: V1Pod[];
  old: V1Pod[];
}

/**
 * Lists a workload's pods. Which of them are of the newest template is told by the annotation that they have from it.
 *
 * @param restartedAt what the newest template says
 * @param patienceMs for how long the API server may give no answer
 * @throws {RotationError} any Kubernetes code
 */
export async function listWorkloadPods(
  cluster: Cluster,
  workload: Workload,
  labelSelector: string,
  restartedAt: string | undefined,
  patienceMs: number,
): Promise<WorkloadPods> {
  const { namespace } = workload;
  const { items } = await callCluster(
    cluster,
    { verb: "list", resource: "pods", namespace },
    () => cluster.core.listNamespacedPod({ namespace, labelSelector }),
    patienceMs,
  );
  const owned = items.filter((pod) => workloadOfPod(pod) === workloadText(workload) && !hasEnded(pod));
  const isFresh = ({ metadata }: V1Pod) => metadata?.annotations?.[restartedAtKey] === restartedAt;
  return { fresh: owned.filter(isFresh), old: owned.filter((pod) => !isFresh(pod)) };
}

function hasEnded({ status }: V1Pod): boolean {
  return status?.phase === "Succeeded" || status?.phase === "Failed";
}

export function isReady({ status }: V1Pod): boolean {
  return status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
}
