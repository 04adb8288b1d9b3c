import { callCluster } from "./call-cluster.ts";
import type { Cluster } from "./cluster.ts";
import { statusOf } from "./cluster-errors.ts";

export interface PodLogPlace {
  namespace: string;
  name: string;
  container: string;
}

export interface PodLogOptions {
  /** Only the last lines. */
  tailLines?: number;
  limitBytes?: number;
  /** The log of the previous container. Default: false. */
  previous?: boolean;
}

/**
 * Reads a container's log. If the container has not been started, the log is empty.
 *
 * @throws {RotationError} any Kubernetes code
 */
export async function readPodLog(
  cluster: Cluster,
  { namespace, name, container }: PodLogPlace,
  options: PodLogOptions,
  patienceMs?: number,
): Promise<string> {
  const action = { verb: "get", resource: "pods/log", namespace, name } as const;
  const read = async () => {
    try {
      return (await cluster.core.readNamespacedPodLog({ namespace, name, container, ...options })) ?? "";
    } catch (error) {
      if (statusOf(error) === 400) return "";
      throw error;
    }
  };
  return callCluster(cluster, action, read, patienceMs);
}

/** The lines of a log, without the empty ones. */
export function linesOf(log: string): string[] {
  return log.split(/\r?\n/).filter((line) => line.trim() !== "");
}
