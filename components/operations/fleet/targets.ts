import { RotationError } from "../base/errors.ts";
import { type Connect, connectDirectly, type Instance } from "./instances.ts";
import type { Cluster } from "./kubernetes/cluster.ts";
import type { KubernetesTarget } from "./kubernetes/kubernetes-target.ts";

/** Instances that are listed in the stack config. */
export interface StaticTarget {
  kind: "static";
  name: string;
  instances: Instance[];
}

/** Where instances are found. */
export type Target = StaticTarget | KubernetesTarget;

/** The instances that a target has at one moment. */
export interface Roster {
  ready: Instance[];
  /** Pods that are not ready. */
  waiting: Instance[];
  /** Resolves when a pod has changed since, or the time is up. */
  changed(ms: number): Promise<void>;
}

/** A target whose instances can be looked up, and connected to. */
export interface OpenTarget {
  name: string;
  /**
   * @param patienceMs for how long an API server may give no answer
   * @throws {RotationError} any Kubernetes code
   */
  list(patienceMs: number): Promise<Roster>;
  connect: Connect;
  /** Of a Kubernetes target that could be opened. */
  opened?: { cluster: Cluster; target: KubernetesTarget };
}

/** Opens targets. One that can't be opened says so when it is listed. */
export function openTargets(targets: readonly Target[]): Promise<OpenTarget[]> {
  return Promise.all(targets.map(openTarget));
}

/** Milliseconds that pods which are not ready are waited for: the longest that a target asks for. */
export function readyTimeoutMs(targets: readonly Target[]): number {
  return Math.max(0, ...targets.map((target) => (target.kind === "kubernetes" ? target.readyTimeoutMs : 0)));
}

/** The cluster and the settings of the Kubernetes target with a name. */
export function clusterOf(targets: readonly OpenTarget[], name: string | undefined): OpenTarget["opened"] {
  return targets.find((target) => target.name === name)?.opened;
}

async function openTarget(target: Target): Promise<OpenTarget> {
  switch (target.kind) {
    case "static":
      return openStatic(target);
    case "kubernetes":
      return openKubernetes(target);
    default:
      return target satisfies never;
  }
}

function openStatic({ name, instances }: StaticTarget): OpenTarget {
  const list = async () => ({ ready: instances, waiting: [], changed: async () => undefined });
  return { name, connect: connectDirectly, list };
}

/** The Kubernetes client takes half a second to load, so only a stack that has pods loads it. */
async function openKubernetes(target: KubernetesTarget): Promise<OpenTarget> {
  const { openCluster } = await import("./kubernetes/cluster.ts");
  const { listPods, podsChanged } = await import("./kubernetes/pods.ts");
  const { pastRefusals } = await import("./kubernetes/passing-refusal.ts");
  const { podDispatcher } = await import("./kubernetes/pod-connection.ts");
  try {
    const cluster = await openCluster(target);
    const list = async (patienceMs: number): Promise<Roster> => {
      // That it may list them was found out before anything was touched.
      const listed = await pastRefusals(() => listPods(cluster, target, patienceMs), patienceMs);
      const { resourceVersion, ...pods } = listed;
      return { ...pods, changed: (ms) => podsChanged(cluster, target, resourceVersion, ms) };
    };
    const connect: Connect = (instance) =>
      target.transport === "port-forward" && instance.pod
        ? podDispatcher(cluster, target, { ...instance, pod: instance.pod })
        : connectDirectly(instance);
    return { name: target.name, list, connect, opened: { cluster, target } };
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    return { name: target.name, connect: connectDirectly, list: () => Promise.reject(error) };
  }
}
