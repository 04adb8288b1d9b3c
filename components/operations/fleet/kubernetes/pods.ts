import { setTimeout as delay } from "node:timers/promises";
import { type V1Container, type V1Pod, Watch } from "@kubernetes/client-node";
import { callCluster } from "./call-cluster.ts";
import type { Cluster } from "./cluster.ts";
import { clusterError, statusOf } from "./cluster-errors.ts";
import type { KubernetesTarget, PodInstance } from "./kubernetes-target.ts";
import { restartedAtKey } from "./rollout-status.ts";
import { workloadOfPod } from "./workload.ts";

export interface PodList {
  /** Pods that are ready. */
  ready: PodInstance[];
  /** Pods that are not ready (yet). */
  waiting: PodInstance[];
  /** Where a watch continues from. */
  resourceVersion: string;
}

/**
 * Lists the target's pods, except those that are ending or have ended.
 *
 * @param patienceMs how long the API server may give no answer
 * @throws {RotationError} any Kubernetes code
 */
export async function listPods(
  cluster: Cluster,
  target: KubernetesTarget,
  patienceMs: number,
): Promise<PodList> {
  const { namespace, selector: labelSelector } = target;
  const { items, metadata } = await callCluster(
    cluster,
    { verb: "list", resource: "pods", namespace },
    () => cluster.core.listNamespacedPod({ namespace, labelSelector }),
    patienceMs,
  );
  const instances = items.filter(isStaying).map((pod) => podInstance(pod, target));
  return {
    ready: instances.filter(({ notReady }) => notReady === undefined),
    waiting: instances.filter(({ notReady }) => notReady !== undefined),
    resourceVersion: metadata?.resourceVersion ?? "",
  };
}

function isStaying({ metadata, status }: V1Pod): boolean {
  return metadata?.deletionTimestamp === undefined && !/^(Succeeded|Failed)$/.test(status?.phase ?? "");
}

function podInstance(pod: V1Pod, target: KubernetesTarget): PodInstance {
  const { name = "", namespace = target.namespace, uid = "" } = pod.metadata ?? {};
  const container = servingContainer(pod, target.port);
  const port = portNumber(container, target.port);
  const host = target.transport === "pod-ip" ? bracketed(pod.status?.podIP ?? "") : `${name}.${namespace}`;
  const workload = workloadOfPod(pod);
  const notReady = whyNotReady(pod);
  return {
    name,
    url: `${target.scheme}://${host}:${port}`,
    target: target.name,
    uid,
    ...startOf(pod, container),
    ...(target.connections === undefined ? {} : { connections: target.connections }),
    ...(workload === undefined ? {} : { workload }),
    ...(notReady === undefined ? {} : { notReady }),
    pod: { namespace, port, container: container?.name ?? "" },
  };
}

function startOf({ metadata, status }: V1Pod, container: V1Container | undefined) {
  const serving = status?.containerStatuses?.find(({ name }) => name === container?.name);
  const startedAt = serving?.state?.running?.startedAt;
  const restartedAt = metadata?.annotations?.[restartedAtKey];
  return {
    ...(startedAt ? { startedAt: new Date(startedAt).toISOString() } : {}),
    ...(restartedAt === undefined ? {} : { restartedAt }),
  };
}

function bracketed(ip: string): string {
  return ip.includes(":") ? `[${ip}]` : ip;
}

/** The container that has the target's port, or else the first. */
function servingContainer({ spec }: V1Pod, port: number | string): V1Container | undefined {
  const has = (one: V1Container) =>
    one.ports?.some(({ name, containerPort }) => name === port || containerPort === port);
  return spec?.containers.find(has) ?? spec?.containers[0];
}

function portNumber(container: V1Container | undefined, port: number | string): number {
  if (typeof port === "number") return port;
  // The pod has no such port. 0 can't be connected to, and shows in the evidence.
  return container?.ports?.find(({ name }) => name === port)?.containerPort ?? 0;
}

function whyNotReady({ status }: V1Pod): string | undefined {
  const condition = status?.conditions?.find(({ type }) => type === "Ready");
  if (status?.phase === "Running" && condition?.status === "True") return undefined;
  const waiting = status?.containerStatuses?.find(({ state }) => state?.waiting)?.state?.waiting;
  if (waiting?.reason) return waiting.reason;
  const unscheduled = status?.conditions?.find(
    ({ type, status }) => type === "PodScheduled" && status === "False",
  );
  return unscheduled?.reason ?? condition?.reason ?? status?.phase ?? "Pending";
}

/**
 * Waits until one of the target's pods changes, or the time is up.
 *
 * @throws {RotationError} KUBERNETES_FORBIDDEN, KUBERNETES_LOGIN_REFUSED
 */
export async function podsChanged(
  cluster: Cluster,
  { namespace, selector: labelSelector }: KubernetesTarget,
  resourceVersion: string,
  ms: number,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  promise.catch(() => undefined);
  const timer = setTimeout(resolve, ms);
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`;
  const query = { labelSelector, resourceVersion, timeoutSeconds: Math.ceil(ms / 1000) };
  const watching = await new Watch(cluster.config).watch(
    path,
    query,
    () => resolve(),
    (error) => (error ? reject(error) : resolve()),
  );
  try {
    await promise;
  } catch (error) {
    const status = statusOf(error);
    if (status === 401 || status === 403) {
      throw clusterError(cluster.target, { verb: "watch", resource: "pods", namespace }, error);
    }
    // The API server restarts, or the version is too old: the next list shows which.
    await delay(250);
  } finally {
    clearTimeout(timer);
    watching.abort();
  }
}
