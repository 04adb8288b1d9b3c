import { readFile } from "node:fs/promises";
import { CoreV1Api } from "@kubernetes/client-node";
import { type FleetSurroundings, type StartedFleet, strictCache } from "../scenario-boot.ts";
import { refusalStatus } from "./api-calls.ts";
import { applyRefreshToken } from "./deploy-sample-api.ts";
import { readKubeconfig } from "./kubeconfig.ts";
import type { LabKubernetes } from "./kubernetes.ts";
import { nodeName } from "./kwok.ts";
import { startNamespaceRunners } from "./namespace-runners.ts";
import { PodFleet } from "./pod-fleet.ts";
import type { PodRunner } from "./pod-runner.ts";
import { applySampleApi } from "./pod-workload.ts";
import { removeNamespaces } from "./remove-namespaces.ts";

/** The Deployment in each namespace, and the Secret that its pods take their refresh token from. */
export const shopApi = { deployment: "shop-api", secret: "shop-api-refresh" } as const;

/** How pods are deployed, and the stack config that names them. */
export interface PodsOptions {
  /** A cluster that goes on after the scenario. Default: one of its own, or that of LAB_KUBECONFIG. */
  kubernetes?: LabKubernetes;
  /** Namespaces, each a target of the program. Default: 1. */
  targets?: number;
  /** Pods in each namespace. Default: 5. */
  pods?: number;
  /**
   * Who creates the Secret. `lab` (default): the lab, and the stack gets its token. `adopted`: the lab, and the
   * program adopts it. `program`: the program, at the first `up`; until then no pod can start. `none`: there is none,
   * and so the pods have no refresh operation.
   */
  secret?: "lab" | "adopted" | "program" | "none";
  /** How the stack gets its kubeconfig: `kubernetes:kubeconfig` as path (default) or contents, or each target's own. */
  kubeconfig?: "path" | "contents" | "target";
  /** More of the sample API's environment. */
  podEnv?: Readonly<Record<string, string>>;
  /** Keys of each target that add to the scenario's own or replace them. */
  target?: Record<string, unknown>;
}

/** Deploys the sample API to namespaces of its own, and waits for its pods where they can start. */
export async function startPods(
  kubernetes: LabKubernetes,
  options: PodsOptions,
  surroundings: FleetSurroundings,
): Promise<StartedFleet<PodFleet>> {
  const namespaces: [string, ...string[]] = [await kubernetes.createNamespace()];
  const lasts = options.kubernetes !== undefined || kubernetes.startedBy === "given-kubeconfig";
  let runner: PodRunner | undefined;
  surroundings.undo.push(async () => {
    try {
      // In a cluster that goes on, nothing may be left. The runner confirms that the pods have ended.
      if (lasts) await removeNamespaces(kubernetes, namespaces, runner);
    } finally {
      await runner?.stop();
    }
  });
  for (let more = (options.targets ?? 1) - 1; more > 0; more--) {
    namespaces.push(await kubernetes.createNamespace());
  }
  if (await hasLabNode(kubernetes)) runner = await startNamespaceRunners(kubernetes, namespaces);
  const { deployment: name } = shopApi;
  const fleet = new PodFleet({ kubeconfigPath: kubernetes.kubeconfigPath, name, namespaces, runner });
  await deploy(fleet, kubernetes, options, surroundings);
  await fleet.start();
  const config = await stackConfig(kubernetes, namespaces, options);
  return { fleet, ...config, secrets: secretsOf(config.secrets, options, surroundings) };
}

async function deploy(
  fleet: PodFleet,
  kubernetes: LabKubernetes,
  options: PodsOptions,
  { issuer, apiRefreshToken, onProgress }: FleetSurroundings,
): Promise<void> {
  const { pods: replicas = 5, secret = "lab", podEnv } = options;
  const { deployment: name, secret: secretName } = shopApi;
  const env = { ISSUER: issuer, ...strictCache, ...podEnv };
  const kubeconfig = readKubeconfig(kubernetes.kubeconfigPath);
  for (const namespace of fleet.namespaces) {
    onProgress(`deploying ${name} with ${replicas} pods to namespace ${namespace}`);
    if (secret === "lab" || secret === "adopted") {
      await applyRefreshToken(kubernetes, { namespace, name: secretName, apiRefreshToken });
    }
    const withSecret = secret === "none" ? {} : { secretName };
    await applySampleApi(kubeconfig, { name, namespace, replicas, env, ...withSecret });
  }
  if (secret !== "program") await fleet.rolledOut().catch((error: Error) => refuse(error, fleet));
}

/** In a cluster that runs its pods itself, most likely the image is missing. */
function refuse(error: Error, { runner }: PodFleet): never {
  if (runner) throw error;
  const hint =
    "Do its nodes have the sample API's image, and do its pods reach Keycloak? See --help of the drill.";
  throw new Error(`${error.message}\n${hint}`, { cause: error });
}

async function stackConfig(
  { kubeconfigPath }: LabKubernetes,
  namespaces: readonly string[],
  { secret = "lab", kubeconfig = "path", target = {} }: PodsOptions,
) {
  const managed = { name: shopApi.secret, adopt: secret === "adopted" };
  const targets = namespaces.map((namespace) => ({
    kubernetes: {
      namespace,
      selector: `app=${shopApi.deployment}`,
      port: "http",
      workloads: [`deployment/${shopApi.deployment}`],
      ...(secret === "program" || secret === "adopted" ? { secret: managed } : {}),
      ...(kubeconfig === "target" ? { kubeconfig: kubeconfigPath } : {}),
      ...target,
    },
  }));
  const path = kubeconfig === "path" ? { "kubernetes:kubeconfig": kubeconfigPath } : {};
  const contents: Record<string, string> =
    kubeconfig === "contents" ? { "kubernetes:kubeconfig": await readFile(kubeconfigPath, "utf8") } : {};
  return { config: { targets, ...path }, secrets: contents };
}

/** Where the program keeps the Secret, it makes the token, too. */
function secretsOf(
  secrets: Record<string, string>,
  { secret = "lab" }: PodsOptions,
  { apiRefreshToken }: FleetSurroundings,
): Record<string, string> {
  return secret === "lab" || secret === "none" ? { ...secrets, apiRefreshToken } : secrets;
}

/** A cluster that was given may be a lab's, too. */
async function hasLabNode({ kubeconfigPath }: LabKubernetes): Promise<boolean> {
  try {
    await readKubeconfig(kubeconfigPath).makeApiClient(CoreV1Api).readNode({ name: nodeName });
    return true;
  } catch (error) {
    // Whoever may not look at nodes is no administrator of a lab's cluster.
    if ([403, 404].includes(refusalStatus(error) ?? 0)) return false;
    throw error;
  }
}
