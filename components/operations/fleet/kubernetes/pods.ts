import { setTimeout as delay } from "node:timers/promises";
import { type V1Container, type V1Pod, Watch } from "@kubernetes/client-node";
import type { Instance, PodFacts } from "../instances.ts";
import { type Cluster, callCluster } from "./cluster.ts";
import { clusterError, statusOf } from "./cluster-errors.ts";
import type { KubernetesTarget } from "./kubernetes-target.ts";
import { restartedAtKey } from "./rollout-status.ts";
import { workloadOfPod } from "./workload.ts";

export interface PodList {
  /** Pods that are ready. */
  ready: Instance[];
  /** Pods that are not ready (yet). */
  waiting: Instance[];
  /** What a watch goes on from. */
  resourceVersion: string;
}

/**
 * Lists the target's pods but for those that are ending or have ended.
 *
 * @param patienceMs for how long the API server may give no answer
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
    ready: instances.filter(({ pod }) => pod?.notReady === undefined),
    waiting: instances.filter(({ pod }) => pod?.notReady !== undefined),
    resourceVersion: metadata?.resourceVersion ?? "",
  };
}

function isStaying({ metadata, status }: V1Pod): boolean {
  return metadata?.deletionTimestamp === undefined && !/^(Succeeded|Failed)$/.test(status?.phase ?? "");
}

function podInstance(pod: V1Pod, target: KubernetesTarget): Instance {
  const { name = "", namespace = target.namespace, uid = "" } = pod.metadata ?? {};
  const container = servingContainer(pod, target.port);
  const port = portNumber(container, target.port);
  const status = pod.status?.containerStatuses?.find((one) => one.name === container?.name);
  const startedAt = status?.state?.running?.startedAt;
  const restartedAt = pod.metadata?.annotations?.[restartedAtKey];
  const workload = workloadOfPod(pod);
  const notReady = whyNotReady(pod);
  const facts: PodFacts = {
    namespace,
    uid,
    port,
    container: container?.name ?? "",
    restarts: status?.restartCount ?? 0,
    ...(startedAt ? { startedAt: new Date(startedAt).toISOString() } : {}),
    ...(restartedAt === undefined ? {} : { restartedAt }),
    ...(workload === undefined ? {} : { workload }),
    ...(notReady === undefined ? {} : { notReady }),
  };
  const host = target.transport === "pod-ip" ? bracketed(pod.status?.podIP ?? "") : `${name}.${namespace}`;
  return { name, url: `${target.scheme}://${host}:${port}`, target: target.name, pod: facts };
}

function bracketed(ip: string): string {
  return ip.includes(":") ? `[${ip}]` : ip;
}

/** The container that has the target's port, else the first. */
function servingContainer({ spec }: V1Pod, port: number | string): V1Container | undefined {
  const has = (one: V1Container) =>
    one.ports?.some(({ name, containerPort }) => name === port || containerPort === port);
  return spec?.containers.find(has) ?? spec?.containers[0];
}

function portNumber(container: V1Container | undefined, port: number | string): number {
  if (typeof port === "number") return port;
  // 0 can't be connected to, and is named in the evidence: the pod has no such port.
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
    // An API server that restarts, or a version that is too old: listing again tells.
    await delay(250);
  } finally {
    clearTimeout(timer);
    watching.abort();
  }
}
