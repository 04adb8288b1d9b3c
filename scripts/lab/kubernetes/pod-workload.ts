import {
  AppsV1Api,
  CoreV1Api,
  type KubeConfig,
  PatchStrategy,
  setHeaderOptions,
} from "@kubernetes/client-node";
import { type SampleOptions, sampleDeployment } from "./sample-deployment.ts";

const serverSide = setHeaderOptions("Content-Type", PatchStrategy.ServerSideApply);
const manager = { fieldManager: "lab", force: true } as const;

/** Pods read it into their environment when they start. It need not exist. */
function startConfigName(name: string): string {
  return `${name}-start`;
}

/** Applies a Deployment of the sample API without waiting for its pods, and gives what later starts of them read. */
export async function applySampleApi(kubeconfig: KubeConfig, options: SampleOptions): Promise<void> {
  const { name, namespace } = options;
  const body = sampleDeployment(options);
  for (const container of body.spec?.template.spec?.containers ?? []) {
    container.envFrom = [{ configMapRef: { name: startConfigName(name), optional: true } }];
  }
  const apps = kubeconfig.makeApiClient(AppsV1Api);
  await apps.patchNamespacedDeployment({ ...manager, name, namespace, body }, serverSide);
}

/** Adds to the environment of pods that start from now on; running pods keep theirs. */
export async function setStartEnvironment(
  kubeconfig: KubeConfig,
  { name, namespace }: Pick<SampleOptions, "name" | "namespace">,
  data: Readonly<Record<string, string>>,
): Promise<void> {
  const metadata = { name: startConfigName(name), namespace };
  const body = { apiVersion: "v1", kind: "ConfigMap", metadata, data: { ...data } };
  const core = kubeconfig.makeApiClient(CoreV1Api);
  await core.patchNamespacedConfigMap({ ...manager, name: metadata.name, namespace, body }, serverSide);
}
