import { setTimeout as pause } from "node:timers/promises";
import {
  AppsV1Api,
  CoreV1Api,
  type KubeConfig,
  PatchStrategy,
  setHeaderOptions,
  type V1Deployment,
} from "@kubernetes/client-node";
import { readKubeconfig } from "./kubeconfig.ts";
import type { LabKubernetes } from "./kubernetes.ts";
import { type SampleOptions, sampleDeployment } from "./sample-deployment.ts";

export interface DeployOptions extends SampleOptions {
  /** Makes the Secret `secretName` with it, or changes it. Default: somebody else creates the Secret. */
  readonly apiRefreshToken?: string;
  /** Milliseconds until the roll-out must have ended. Default: 120 000. */
  readonly timeoutMs?: number;
}

type Cluster = Pick<LabKubernetes, "kubeconfigPath">;

const apply = {
  fieldManager: "lab",
  force: true,
} as const;

/** Applies a Deployment of the sample API, its Secret first, and waits until it is rolled out. */
export async function deploySampleApi(kubernetes: Cluster, options: DeployOptions): Promise<void> {
  const kubeconfig = readKubeconfig(kubernetes.kubeconfigPath);
  const { name, namespace, secretName, apiRefreshToken, timeoutMs } = options;
  if (secretName !== undefined && apiRefreshToken !== undefined) {
    await applyRefreshToken(kubernetes, { namespace, name: secretName, apiRefreshToken });
  }
  await kubeconfig
    .makeApiClient(AppsV1Api)
    .patchNamespacedDeployment(
      { ...apply, name, namespace, body: sampleDeployment(options) },
      setHeaderOptions("Content-Type", PatchStrategy.ServerSideApply),
    );
  await rolledOut(kubernetes, { name, namespace, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
}

/** Makes, or changes in place, the Secret that the sample's pods take their refresh token from. */
export async function applyRefreshToken(
  kubernetes: Cluster,
  secret: { namespace: string; name: string; apiRefreshToken: string },
): Promise<void> {
  const { namespace, name, apiRefreshToken } = secret;
  const body = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace },
    data: { INTERNAL_JWKS_REFRESH_TOKEN: Buffer.from(apiRefreshToken).toString("base64") },
  };
  await readKubeconfig(kubernetes.kubeconfigPath)
    .makeApiClient(CoreV1Api)
    .patchNamespacedSecret(
      { ...apply, name, namespace, body },
      setHeaderOptions("Content-Type", PatchStrategy.ServerSideApply),
    );
}

/**
 * Waits until every pod of a Deployment is of its newest template, and available.
 *
 * @throws Error with its status after `timeoutMs`, by default 120 000
 */
export async function rolledOut(
  kubernetes: Cluster,
  { name, namespace, timeoutMs = 120_000 }: { name: string; namespace: string; timeoutMs?: number },
): Promise<void> {
  const kubeconfig: KubeConfig = readKubeconfig(kubernetes.kubeconfigPath);
  const apps = kubeconfig.makeApiClient(AppsV1Api);
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const deployment = await apps.readNamespacedDeployment({ name, namespace });
    if (isRolledOut(deployment)) return;
    if (Date.now() > deadline) {
      const status = JSON.stringify(deployment.status);
      throw new Error(
        `Deployment ${namespace}/${name} was not rolled out in ${timeoutMs / 1000} s: ${status}`,
      );
    }
    await pause(100);
  }
}

function isRolledOut({ metadata, spec, status = {} }: V1Deployment): boolean {
  const { observedGeneration = 0, replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status;
  const wanted = spec?.replicas ?? 1;
  if (observedGeneration < (metadata?.generation ?? 1)) return false;
  return [replicas, updatedReplicas, availableReplicas].every((count) => count === wanted);
}
