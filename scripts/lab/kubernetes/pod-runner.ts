import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CoreV1Api, type Informer, makeInformer, type V1Pod } from "@kubernetes/client-node";
import type { Behaviour } from "../sample-api/misbehaviour.ts";
import { persistently, refusalStatus } from "./api-calls.ts";
import { readKubeconfig } from "./kubeconfig.ts";
import type { LabKubernetes } from "./kubernetes.ts";
import { nodeName } from "./kwok.ts";
import { PodWorker, type PodWorld } from "./pod-worker.ts";
import { appLabel } from "./sample-deployment.ts";

export interface PodRunnerOptions {
  /** Default: every namespace. */
  readonly namespace?: string;
  /** Milliseconds until a container that ended is started again the first time. Default: 1000. */
  readonly crashBackOffMs?: number;
  /** Called with a problem that keeps a pod from being served and is not the pod's own. Default: standard error. */
  readonly onProblem?: (message: string) => void;
}

export interface RunningPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Undefined while the container is not running. */
  readonly pid: number | undefined;
  /** Where the process listens, without the API server between. */
  readonly url: string | undefined;
}

/** Gives every pod of the sample API a process. The processes die with this one, however it ends. */
export interface PodRunner {
  /** The pods that it serves now. */
  pods(): readonly RunningPod[];
  /** Makes one pod's process misbehave until its container ends, or repairs it with `none`. */
  misbehave(namespace: string, name: string, behaviour: Behaviour): Promise<void>;
  /** Kills the processes. The pods stay as they are. */
  stop(): Promise<void>;
}

const reconnectMs = 200;

/**
 * Watches the pods with the label `jwks-break-glass.lab/app: sample-api`, binds them to the lab's node, and runs one
 * process of the sample API for each, as a kubelet runs a container.
 *
 * @throws Error where the cluster has no such node
 */
export async function startPodRunner(
  kubernetes: Pick<LabKubernetes, "kubeconfigPath" | "directory">,
  options: PodRunnerOptions = {},
): Promise<PodRunner> {
  const kubeconfig = readKubeconfig(kubernetes.kubeconfigPath);
  const core = kubeconfig.makeApiClient(CoreV1Api);
  await requireNode(core);
  const directory = await mkdtemp(join(kubernetes.directory ?? tmpdir(), "lab-pods-"));
  const { crashBackOffMs = 1_000, onProblem = console.error } = options;
  const workers = new Workers({ kubeconfig, core, directory, crashBackOffMs, onProblem });
  const informer = podInformer(kubeconfig, core, options.namespace);
  informer.on("add", (pod) => workers.follow(pod));
  informer.on("update", (pod) => workers.follow(pod));
  informer.on("delete", (pod) => workers.forget(pod));
  const stopInformer = await keepRunning(informer);
  return {
    pods: () => workers.list().map(runningPod),
    async misbehave(namespace, name, behaviour) {
      const worker = workers.list().find((known) => known.namespace === namespace && known.name === name);
      if (!worker?.process) throw new Error(`pod ${namespace}/${name} has no process`);
      await worker.process.misbehave(behaviour);
    },
    async stop() {
      await stopInformer();
      await workers.kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

class Workers {
  readonly #world: PodWorld;
  readonly #byUid = new Map<string, PodWorker>();
  readonly #binding = new Set<string>();

  constructor(world: PodWorld) {
    this.#world = world;
  }

  list(): PodWorker[] {
    return [...this.#byUid.values()];
  }

  follow(pod: V1Pod): void {
    const { uid = "", namespace, name, deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata ?? {};
    // Where a deletion was not seen, its successor of the same name tells of it.
    const before = this.list().find((known) => known.name === name && known.namespace === namespace);
    if (before && before.uid !== uid) this.#terminate(before, 0);
    if (deletionTimestamp) this.#followDeletion(pod, (deletionGracePeriodSeconds ?? 30) * 1000);
    else if (!pod.spec?.nodeName) this.#bind(pod);
    else if (pod.spec.nodeName === nodeName && !this.#byUid.has(uid))
      this.#byUid.set(uid, new PodWorker(this.#world, pod));
  }

  forget(pod: V1Pod): void {
    const worker = this.#byUid.get(pod.metadata?.uid ?? "");
    if (worker) this.#terminate(worker, 0);
  }

  async kill(): Promise<void> {
    await Promise.all(this.list().map((worker) => worker.kill()));
  }

  #followDeletion(pod: V1Pod, graceMs: number): void {
    const known = this.#byUid.get(pod.metadata?.uid ?? "");
    if (known) this.#terminate(known, graceMs);
    // A pod that another runner served, or none: nobody else will confirm its deletion.
    else if (pod.spec?.nodeName === nodeName) void confirmDeletion(this.#world.core, pod);
  }

  #terminate(worker: PodWorker, graceMs: number): void {
    void worker.terminate(graceMs).then(() => this.#byUid.delete(worker.uid));
  }

  /** The scheduler's part: there is one node only. */
  #bind(pod: V1Pod): void {
    const { uid = "", namespace = "", name = "" } = pod.metadata ?? {};
    if (this.#binding.has(uid)) return;
    this.#binding.add(uid);
    const body = { metadata: { name, namespace }, target: { kind: "Node", name: nodeName } };
    const bound = persistently(
      () => this.#world.core.createNamespacedPodBinding({ name, namespace, body }),
      AbortSignal.timeout(60_000),
    );
    bound
      .catch((error: Error) => {
        if (refusalStatus(error) !== 404 && refusalStatus(error) !== 409)
          this.#world.onProblem(error.message);
      })
      .finally(() => this.#binding.delete(uid));
  }
}

async function confirmDeletion(core: CoreV1Api, { metadata }: V1Pod): Promise<void> {
  const { name = "", namespace = "", uid = "" } = metadata ?? {};
  const body = { gracePeriodSeconds: 0, preconditions: { uid } };
  await core.deleteNamespacedPod({ name, namespace, body }).catch(() => {});
}

async function requireNode(core: CoreV1Api): Promise<void> {
  try {
    await core.readNode({ name: nodeName });
  } catch (error) {
    if (refusalStatus(error) !== 404) throw error;
    throw new Error(
      `This cluster has no node ${nodeName}, whose pods the lab runs as processes: unset LAB_KUBECONFIG, or give ` +
        "the Deployment an image of the sample API that the cluster can pull, and do not start the pod runner.",
    );
  }
}

function podInformer(
  kubeconfig: ReturnType<typeof readKubeconfig>,
  core: CoreV1Api,
  namespace: string | undefined,
): Informer<V1Pod> {
  const labelSelector = `${appLabel}=sample-api`;
  const path = namespace === undefined ? "/api/v1/pods" : `/api/v1/namespaces/${namespace}/pods`;
  const list = () =>
    namespace === undefined
      ? core.listPodForAllNamespaces({ labelSelector })
      : core.listNamespacedPod({ namespace, labelSelector });
  return makeInformer(kubeconfig, path, list, labelSelector);
}

/** An informer gives up when the API server is down: it is started again until it is stopped. */
async function keepRunning(informer: Informer<V1Pod>): Promise<() => Promise<void>> {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  informer.on("error", () => {
    if (stopped) return;
    clearTimeout(timer);
    timer = setTimeout(() => void informer.start(), reconnectMs);
  });
  await informer.start();
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await informer.stop();
  };
}

function runningPod({ namespace, name, uid, pid, address }: PodWorker): RunningPod {
  const url = address && `http://${address.host}:${address.port}`;
  return { namespace, name, uid, pid, url };
}
