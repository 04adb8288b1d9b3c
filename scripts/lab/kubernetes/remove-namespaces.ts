import { setTimeout as pause } from "node:timers/promises";
import { CoreV1Api } from "@kubernetes/client-node";
import { readKubeconfig } from "./kubeconfig.ts";
import type { LabKubernetes } from "./kubernetes.ts";
import type { PodRunner } from "./pod-runner.ts";

const deadlineMs = 15_000;

/** Deletes namespaces with all that is in them, and waits for the processes of their pods to end. */
export async function removeNamespaces(
  { kubeconfigPath }: LabKubernetes,
  namespaces: readonly string[],
  runner: PodRunner | undefined,
): Promise<void> {
  const core = readKubeconfig(kubeconfigPath).makeApiClient(CoreV1Api);
  await Promise.all(namespaces.map((name) => core.deleteNamespace({ name })));
  const deadline = Date.now() + deadlineMs;
  // The runner confirms the end of each pod: without it the namespaces would never be gone.
  while (runner && runner.pods().length > 0 && Date.now() < deadline) await pause(50);
}
