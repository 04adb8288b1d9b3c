import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppsV1Api, CoreV1Api, type KubeConfig, type V1Deployment } from "@kubernetes/client-node";
import pLimit from "p-limit";
import type { KubernetesTarget } from "#operations/fleet/kubernetes/kubernetes-target";
import { CriLog } from "../../lab/kubernetes/cri-log.ts";
import { rolledOut } from "../../lab/kubernetes/deploy-sample-api.ts";
import { readKubeconfig } from "../../lab/kubernetes/kubeconfig.ts";
import type { LabKubernetes } from "../../lab/kubernetes/kubernetes.ts";
import { nodeName } from "../../lab/kubernetes/kwok.ts";
import { PodMapping } from "../../lab/kubernetes/pod-mapping.ts";
import { startProgram, stopProgram } from "../child-program.ts";
import { canariesOf, type Workload } from "../workload.ts";
import type { PodsReady, PodsRequest } from "./simulated-pods.ts";

/** A Deployment whose pods are KWOK's, and lead to listeners of one process. */
export interface BenchPods {
  readonly kubeconfigPath: string;
  readonly target: KubernetesTarget;
  /** Of the Deployment. */
  readonly name: string;
  /** In the order of {@link PodsSeen}. */
  readonly podNames: readonly string[];
  /** See {@link PodsReady}. */
  readonly controlUrl: string;
  /** Removes the Deployment and ends the process. */
  stop(): Promise<void>;
}

const name = "bench-api";
const port = 8080;

/** Mapped at a time: KWOK is told of each by the API server. */
const mappedAtOnce = 4;
const mappingDeadlineMs = 120_000;

/** Makes a Deployment of `count` pods in a namespace of its own, and waits until each of them answers by port-forward. */
export async function startBenchPods(
  kubernetes: LabKubernetes,
  count: number,
  workload: Workload,
): Promise<BenchPods> {
  const { kubeconfigPath } = kubernetes;
  const kubeconfig = readKubeconfig(kubeconfigPath);
  const core = kubeconfig.makeApiClient(CoreV1Api);
  const namespace = await kubernetes.createNamespace();
  const directory = await mkdtemp(join(tmpdir(), "bench-pods-"));
  const { child, answer } = await startProgram<PodsReady>(
    "kubernetes/simulated-pods.ts",
    podsRequest(count, workload),
  );
  const stop = () => clear(core, namespace, directory, child);
  try {
    await kubeconfig
      .makeApiClient(AppsV1Api)
      .createNamespacedDeployment({ namespace, body: deployment(namespace, count) });
    await rolledOut(kubernetes, { name, namespace });
    const { items } = await core.listNamespacedPod({ namespace, labelSelector: `app=${name}` });
    const podNames = items.map(({ metadata }) => metadata?.name ?? "");
    await mapPods(kubeconfig, namespace, podNames, answer.addresses, new CriLog(join(directory, "pods.log")));
    const target = benchTarget(kubeconfigPath, namespace);
    return { kubeconfigPath, target, name, podNames, controlUrl: answer.controlUrl, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function podsRequest(count: number, { questions }: Workload): PodsRequest {
  const { fresh, fleet, expectation } = questions;
  return {
    count,
    apiRefreshToken: fleet.apiRefreshTokens[0] ?? "",
    freshToken: fresh[0]?.token ?? "",
    canaryTokens: canariesOf(questions).flatMap(({ seen, unseen }) => [seen.token, unseen.token]),
    kids: expectation.present,
  };
}

/** Without the label of the sample API: KWOK itself makes such pods ready, as soon as they are made. */
function deployment(namespace: string, replicas: number): V1Deployment {
  const labels = { app: name };
  const containers = [{ name: "api", image: "bench-api", ports: [{ name: "http", containerPort: port }] }];
  return {
    metadata: { name, namespace },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      // There is no scheduler.
      template: { metadata: { labels }, spec: { nodeName, containers, terminationGracePeriodSeconds: 1 } },
    },
  };
}

function benchTarget(kubeconfig: string, namespace: string): KubernetesTarget {
  return {
    kind: "kubernetes",
    name: namespace,
    namespace,
    selector: `app=${name}`,
    port: "http",
    scheme: "http",
    workloads: [`deployment/${name}`],
    transport: "port-forward",
    readyTimeoutMs: 60_000,
    kubeconfig,
  };
}

async function mapPods(
  kubeconfig: KubeConfig,
  namespace: string,
  podNames: readonly string[],
  addresses: PodsReady["addresses"],
  log: CriLog,
): Promise<void> {
  const signal = AbortSignal.timeout(mappingDeadlineMs);
  await pLimit(mappedAtOnce).map(addresses, async (address, index) => {
    const pod = podNames[index];
    if (pod === undefined) throw new Error(`${podNames.length} pods for ${addresses.length} addresses`);
    const mapping = new PodMapping(kubeconfig, { namespace, name: pod, containerPort: port, address, log });
    await mapping.create();
    await mapping.served(signal);
  });
}

async function clear(
  core: CoreV1Api,
  namespace: string,
  directory: string,
  child: ChildProcess,
): Promise<void> {
  await stopProgram(child);
  await core.deleteNamespace({ name: namespace });
  await rm(directory, { recursive: true, force: true });
}
