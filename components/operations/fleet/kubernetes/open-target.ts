import { RotationError } from "../../base/errors.ts";
import { connectDirectly, type Instance } from "../instances.ts";
import { type RestartResult, restartFailed } from "../restart.ts";
import type { OpenTarget, Reach, Roster, TargetInspection } from "../target-kind.ts";
import { pastRefusals } from "./call-cluster.ts";
import { type Cluster, openCluster } from "./cluster.ts";
import { deleteCommand } from "./delete-command.ts";
import { inspectCluster, inspectionOf, missingWorkloads } from "./inspect-cluster.ts";
import { isPod, type KubernetesTarget } from "./kubernetes-target.ts";
import { podDispatcher } from "./pod-connection.ts";
import { readPodStartup } from "./pod-startup.ts";
import { listPods, podsChanged } from "./pods.ts";
import { restartWorkloads } from "./restart-workloads.ts";

/** Opens the cluster of a target. If it can't be opened, whatever is asked of the target fails with that error. */
export async function openKubernetes(target: KubernetesTarget): Promise<OpenTarget> {
  const known = {
    name: target.name,
    noun: "pods",
    attributes: ({ uid }: Instance) => ({ "k8s.pod.uid": uid }),
    // A restart that is not possible is still tried, since its result says what is missing.
    canRestart: () => true,
    fixCommand: (instance: Instance) => deleteCommand(target, instance),
  };
  try {
    const cluster = await openCluster(target);
    return { ...known, ...inCluster(cluster, target) };
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    return { ...known, ...withoutCluster(error, target) };
  }
}

type Access = Omit<OpenTarget, "name" | "noun" | "attributes" | "canRestart" | "fixCommand">;

function inCluster(cluster: Cluster, target: KubernetesTarget): Access {
  const list = (patienceMs: number) => listReady(cluster, target, patienceMs);
  return {
    list,
    connect: (instance, barrier) =>
      target.transport === "port-forward" && isPod(instance)
        ? podDispatcher(cluster, target, instance, barrier)
        : connectDirectly(instance, barrier),
    reach: async (patienceMs) => reachOf(await list(patienceMs)),
    inspect: async (settings) => {
      const found = await inspectCluster(cluster, target);
      return withProblems(found, missingWorkloads(target, settings));
    },
    restart: (candidates, options) => restartWorkloads(cluster, target, candidates, options),
    readStartup: async (instance, look) =>
      isPod(instance) ? readPodStartup(cluster, instance, look) : undefined,
  };
}

/** The right to list pods was checked before anything was touched, so a refusal now is one that passes. */
async function listReady(cluster: Cluster, target: KubernetesTarget, patienceMs: number): Promise<Roster> {
  const listed = await pastRefusals(() => listPods(cluster, target, patienceMs), patienceMs);
  const { resourceVersion, ...pods } = listed;
  return { ...pods, changed: (ms) => podsChanged(cluster, target, resourceVersion, ms) };
}

/** Nothing is sent to a pod to find out whether it can be reached: its cluster knows whether it is ready. */
function reachOf({ ready, waiting }: Roster): Reach {
  return { instances: ready.length + waiting.length, unreachable: waiting.map(({ name }) => name) };
}

function withProblems(found: TargetInspection, more: readonly string[]): TargetInspection {
  return { ...found, problems: [...found.problems, ...more] };
}

function withoutCluster(error: RotationError, target: KubernetesTarget): Access {
  const refuse = () => Promise.reject(error);
  return {
    list: refuse,
    connect: connectDirectly,
    reach: refuse,
    inspect: async (settings) => withProblems(inspectionOf(error), missingWorkloads(target, settings)),
    restart: async (candidates) =>
      candidates.map(({ instance, reason }): RestartResult => {
        const startedAt = new Date().toISOString();
        return restartFailed(
          { target: target.name, subject: instance.name, because: [reason], startedAt },
          error,
        );
      }),
    readStartup: async () => undefined,
  };
}
