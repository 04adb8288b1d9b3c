import { readKubeconfig } from "../lab/kubernetes/kubeconfig.ts";
import { versions } from "../lab/kubernetes/versions.ts";

/**
 * Names the cluster that the drill will use, before anything is started.
 *
 * @throws Error that says what is wrong with LAB_KUBECONFIG
 */
export function clusterLine(given = process.env.LAB_KUBECONFIG): string {
  if (!given) {
    const { kubernetes, kwok } = versions;
    return `cluster: the lab's own on this machine, Kubernetes ${kubernetes} with KWOK ${kwok} as its node`;
  }
  const config = readGiven(given);
  const server = config.getCurrentCluster()?.server;
  if (server === undefined) throw new Error("LAB_KUBECONFIG has no current context: set one with kubectl.");
  return `cluster: ${server}, context ${config.getCurrentContext()} of LAB_KUBECONFIG`;
}

function readGiven(path: string): ReturnType<typeof readKubeconfig> {
  try {
    return readKubeconfig(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : cause;
    throw new Error(`LAB_KUBECONFIG can't be read: ${reason}`, { cause });
  }
}
