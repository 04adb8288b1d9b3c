import type { LabKubernetes } from "./kubernetes.ts";
import { type PodRunner, startPodRunner } from "./pod-runner.ts";

/** One pod runner over some namespaces only: other scenarios may share the cluster, and a pod must have one process. */
export async function startNamespaceRunners(
  kubernetes: LabKubernetes,
  namespaces: readonly string[],
): Promise<PodRunner> {
  const runners = new Map<string, PodRunner>();
  const stop = async () => {
    await Promise.all([...runners.values()].map((runner) => runner.stop()));
  };
  try {
    for (const namespace of namespaces) {
      const runner = await startPodRunner(kubernetes, { namespace, crashBackOffMs: 300, onProblem });
      runners.set(namespace, runner);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    pods: () => [...runners.values()].flatMap((runner) => runner.pods()),
    async misbehave(namespace, name, behaviour) {
      const runner = runners.get(namespace);
      if (!runner) throw new Error(`no pod runner serves namespace ${namespace}`);
      await runner.misbehave(namespace, name, behaviour);
    },
    stop,
  };
}

/** A pod that its Deployment makes while its namespace ends can't be served, and need not be. */
function onProblem(message: string): void {
  if (!message.includes("NamespaceTerminating")) console.error(message);
}
