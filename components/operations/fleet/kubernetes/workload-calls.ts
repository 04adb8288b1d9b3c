import { PatchStrategy, setHeaderOptions } from "@kubernetes/client-node";
import { RotationError } from "../../base/errors.ts";
import { callCluster } from "./call-cluster.ts";
import type { Cluster } from "./cluster.ts";
import { type Action, statusOf } from "./cluster-errors.ts";
import {
  daemonSetStatus,
  deploymentStatus,
  type RolloutStatus,
  restartedAtKey,
  statefulSetStatus,
} from "./rollout-status.ts";
import { type Workload, type WorkloadKind, workloadText } from "./workload.ts";

type Id = Pick<Workload, "name" | "namespace">;

interface Calls {
  read(cluster: Cluster, id: Id): Promise<RolloutStatus>;
  patch(cluster: Cluster, id: Id, body: object): Promise<unknown>;
}

const strategic = setHeaderOptions("Content-Type", PatchStrategy.StrategicMergePatch);

const callsOf: Record<WorkloadKind, Calls> = {
  deployment: {
    read: async ({ apps }, { name, namespace }) =>
      deploymentStatus(await apps.readNamespacedDeployment({ name, namespace })),
    patch: ({ apps }, { name, namespace }, body) =>
      apps.patchNamespacedDeployment({ name, namespace, body }, strategic),
  },
  statefulset: {
    read: async ({ apps }, { name, namespace }) =>
      statefulSetStatus(await apps.readNamespacedStatefulSet({ name, namespace })),
    patch: ({ apps }, { name, namespace }, body) =>
      apps.patchNamespacedStatefulSet({ name, namespace, body }, strategic),
  },
  daemonset: {
    read: async ({ apps }, { name, namespace }) =>
      daemonSetStatus(await apps.readNamespacedDaemonSet({ name, namespace })),
    patch: ({ apps }, { name, namespace }, body) =>
      apps.patchNamespacedDaemonSet({ name, namespace, body }, strategic),
  },
};

/**
 * Reads the status of a workload's roll-out.
 *
 * @param patienceMs how long the API server may give no answer
 * @throws {RotationError} WORKLOAD_NOT_RESTARTABLE if there is no such workload, or any Kubernetes code
 */
export function readWorkload(
  cluster: Cluster,
  workload: Workload,
  patienceMs: number,
): Promise<RolloutStatus> {
  const call = () => callsOf[workload.kind].read(cluster, workload);
  return callCluster(
    cluster,
    workloadAction("get", workload),
    () => found(cluster, workload, call),
    patienceMs,
  );
}

/**
 * Restarts a workload the way `kubectl rollout restart` does. Calling it again with the same time changes nothing.
 *
 * @param restartedAt ISO 8601 UTC
 * @throws {RotationError} WORKLOAD_NOT_RESTARTABLE if there is no such workload, or any Kubernetes code
 */
export async function patchWorkload(
  cluster: Cluster,
  workload: Workload,
  restartedAt: string,
  patienceMs: number,
): Promise<void> {
  const body = { spec: { template: { metadata: { annotations: { [restartedAtKey]: restartedAt } } } } };
  const call = () => callsOf[workload.kind].patch(cluster, workload, body);
  const action = workloadAction("patch", workload);
  await callCluster(cluster, action, () => found(cluster, workload, call), patienceMs);
}

/** Reading or restarting a workload, in the words of RBAC. */
export function workloadAction(verb: "get" | "patch", { kind, namespace, name }: Workload): Action {
  return { verb, resource: `${kind}s`, namespace, name };
}

async function found<T>({ target }: Cluster, workload: Workload, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
    throw new RotationError(
      "WORKLOAD_NOT_RESTARTABLE",
      `target ${target}: there is no ${workloadText(workload)} in namespace ${workload.namespace}`,
      { nextStep: "correct the target's workloads and namespace, then run the same up again" },
    );
  }
}
