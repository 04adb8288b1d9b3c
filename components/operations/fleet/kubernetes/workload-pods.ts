import type { V1Pod } from "@kubernetes/client-node";
import { callCluster } from "./call-cluster.ts";
import type { Cluster } from "./cluster.ts";
import { restartedAtKey } from "./rollout-status.ts";
import { type Workload, workloadOfPod, workloadText } from "./workload.ts";

/** The pods of one workload that have not ended. Pods that are ending count: they may still serve. */
export interface WorkloadPods {
  /** Made from the newest template. */
  fresh: V1Pod[];
  old: V1Pod[];
}

/** Which pods are a workload's, and which of those are new. */
export interface PodQuery {
  /** Label selector of the target's pods. */
  selector: string;
  /** The restart annotation of the newest template. */
  restartedAt: string | undefined;
}

/**
 * Lists a workload's pods. The pods of the newest template are those that carry its restart annotation.
 *
 * @param patienceMs how long the API server may give no answer
 * @throws {RotationError} any Kubernetes code
 */
export async function listWorkloadPods(
  cluster: Cluster,
  workload: Workload,
  { selector: labelSelector, restartedAt }: PodQuery,
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
