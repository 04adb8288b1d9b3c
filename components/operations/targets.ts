import { RotationError } from "./errors.ts";
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

/** A target that can't be looked at, and why. */
export interface TargetFailure {
  target: string;
  error: RotationError;
}

/** The instances that there are at one moment. */
export interface Roster {
  ready: Instance[];
  /** Pods that are not ready. */
  waiting: Instance[];
  failures: TargetFailure[];
  /** Resolves when a pod has changed since, or the time is up. */
  changed(ms: number): Promise<void>;
}

/** Looks up the instances of targets, and connects to them. */
export interface OpenTargets {
  /** @param patienceMs for how long an API server may give no answer. Default: 30 000 */
  list(patienceMs?: number): Promise<Roster>;
  connect: Connect;
  /** The cluster and the settings of a Kubernetes target. */
  cluster(target: string): { cluster: Cluster; target: KubernetesTarget } | undefined;
}

interface Found {
  ready: Instance[];
  waiting: Instance[];
  changed(ms: number): Promise<void>;
}

interface OpenTarget {
  name: string;
  list(patienceMs: number): Promise<Found>;
  connect: Connect;
  opened?: { cluster: Cluster; target: KubernetesTarget };
}

/** Opens targets. A target that can't be opened is reported by each `list`. */
export async function openTargets(targets: readonly Target[]): Promise<OpenTargets> {
  const opened = await Promise.all(targets.map(openTarget));
  const byName = new Map(opened.map((one) => [one.name, one]));
  return {
    list: (patienceMs = 30_000) => listAll(opened, patienceMs),
    connect: (instance) => (byName.get(instance.target ?? "")?.connect ?? connectDirectly)(instance),
    cluster: (name) => byName.get(name)?.opened,
  };
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
  const never = () => new Promise<void>(() => undefined);
  return {
    name,
    connect: connectDirectly,
    list: async () => ({ ready: instances, waiting: [], changed: never }),
  };
}

/** The Kubernetes client takes half a second to load, so only a stack that has pods loads it. */
async function openKubernetes(target: KubernetesTarget): Promise<OpenTarget> {
  const { openCluster } = await import("./kubernetes/cluster.ts");
  const { listPods, podsChanged } = await import("./kubernetes/pods.ts");
  const { podDispatcher } = await import("./kubernetes/pod-connection.ts");
  try {
    const cluster = await openCluster(target);
    const list = async (patienceMs: number): Promise<Found> => {
      const { ready, waiting, resourceVersion } = await listPods(cluster, target, patienceMs);
      const changed = (ms: number) => podsChanged(cluster, target, resourceVersion, ms);
      return { ready, waiting, changed };
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

async function listAll(targets: readonly OpenTarget[], patienceMs: number): Promise<Roster> {
  const failures: TargetFailure[] = [];
  const found = await Promise.all(
    targets.map(async ({ name, list }) => {
      try {
        return await list(patienceMs);
      } catch (error) {
        if (!(error instanceof RotationError)) throw error;
        failures.push({ target: name, error });
        return undefined;
      }
    }),
  );
  const lists = found.filter((one) => one !== undefined);
  return {
    ready: lists.flatMap(({ ready }) => ready),
    waiting: lists.flatMap(({ waiting }) => waiting),
    failures,
    changed: async (ms) => {
      const waitedFor = lists.filter(({ waiting }) => waiting.length > 0);
      await Promise.race(waitedFor.map(({ changed }) => changed(ms)));
    },
  };
}
