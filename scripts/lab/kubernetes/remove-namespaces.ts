import { setTimeout as pause } from "node:timers/promises";
import { AppsV1Api, CoreV1Api } from "@kubernetes/client-node";
import { readKubeconfig } from "./kubeconfig.ts";
import type { LabKubernetes } from "./kubernetes.ts";
import type { PodRunner } from "./pod-runner.ts";

const deadlineMs = 15_000;

/** Deletes namespaces with all that is in them. Where a runner serves them, the pods' processes have ended then. */
export async function removeNamespaces(
  { kubeconfigPath }: LabKubernetes,
  namespaces: readonly string[],
  runner: PodRunner | undefined,
): Promise<void> {
  const kubeconfig = readKubeconfig(kubeconfigPath);
  const apps = kubeconfig.makeApiClient(AppsV1Api);
  const core = kubeconfig.makeApiClient(CoreV1Api);
  // A namespace that ends takes five seconds to look at its pods: their Deployments end at once.
  await Promise.all(namespaces.map((namespace) => apps.deleteCollectionNamespacedDeployment({ namespace })));
  const deadline = Date.now() + deadlineMs;
  // The runner confirms the end of each pod: without it the namespaces would never be gone.
  while (runner && runner.pods().length > 0 && Date.now() < deadline) await pause(50);
  await Promise.all(namespaces.map((name) => core.deleteNamespace({ name })));
}
