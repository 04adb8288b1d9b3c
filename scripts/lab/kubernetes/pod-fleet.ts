import { setTimeout as pause } from "node:timers/promises";
import { AppsV1Api, CoreV1Api } from "@kubernetes/client-node";
import type { ApiFleet } from "../api-fleet.ts";
import { rolledOut } from "./deploy-sample-api.ts";
import { readKubeconfig } from "./kubeconfig.ts";
import { type PodAccess, PodInstance } from "./pod-instance.ts";
import type { PodRunner } from "./pod-runner.ts";
import { PodWatch } from "./pod-watch.ts";
import { setStartEnvironment } from "./pod-workload.ts";

export interface PodFleetOptions {
  readonly kubeconfigPath: string;
  /** The Deployment's name in each namespace. Its pods have the label `app` with it. */
  readonly name: string;
  /** At least one. */
  readonly namespaces: readonly [string, ...string[]];
  /** Absent in a cluster that runs its pods itself. */
  readonly runner?: PodRunner | undefined;
}

/** The pods of a Deployment of the sample API in one or several namespaces. */
export class PodFleet implements ApiFleet {
  /** The Deployment's name in each namespace. */
  readonly name: string;
  readonly namespaces: readonly [string, ...string[]];
  readonly #options: PodFleetOptions;
  readonly #access: PodAccess;
  readonly #watch: PodWatch;

  constructor(options: PodFleetOptions) {
    const { name, namespaces, kubeconfigPath, runner } = options;
    const kubeconfig = readKubeconfig(kubeconfigPath);
    this.name = name;
    this.namespaces = namespaces;
    this.#options = options;
    this.#access = { kubeconfig, runner };
    this.#watch = new PodWatch(kubeconfig, namespaces, `app=${name}`);
  }

  /** What runs the pods' processes; undefined in a cluster that does so itself. */
  get runner(): PodRunner | undefined {
    return this.#options.runner;
  }

  /** Begins to watch the pods, for `instances`. */
  async start(): Promise<void> {
    await this.#watch.start();
  }

  get instances(): readonly PodInstance[] {
    return this.#watch.serving().map((pod) => new PodInstance(this.#access, pod));
  }

  async list(): Promise<readonly PodInstance[]> {
    return (await this.#watch.list()).map((pod) => new PodInstance(this.#access, pod));
  }

  /**
   * Scales to this many pods, and does not wait for them.
   *
   * @param namespace default: the first
   */
  async scale(replicas: number, namespace: string = this.namespaces[0]): Promise<void> {
    const body = [{ op: "replace", path: "/spec/replicas", value: replicas }];
    const apps = this.#access.kubeconfig.makeApiClient(AppsV1Api);
    await apps.patchNamespacedDeploymentScale({ name: this.name, namespace, body });
  }

  /**
   * Deletes this many of the serving pods, as an eviction does, and does not wait until they have ended.
   *
   * @param namespace default: the first
   * @returns those that were deleted
   */
  async deletePods(count: number, namespace: string = this.namespaces[0]): Promise<readonly PodInstance[]> {
    const core = this.#access.kubeconfig.makeApiClient(CoreV1Api);
    const victims = (await this.list()).filter((pod) => pod.namespace === namespace).slice(0, count);
    await Promise.all(victims.map(({ name }) => core.deleteNamespacedPod({ name, namespace })));
    return victims;
  }

  /**
   * Waits until every Deployment has all its pods, of its newest template, available, and serving.
   *
   * @param timeoutMs default: 120 000
   * @throws Error that says how many serve
   */
  async rolledOut(timeoutMs = 120_000): Promise<void> {
    const { kubeconfigPath } = this.#options;
    const deadline = Date.now() + timeoutMs;
    const { name } = this;
    for (;;) {
      await Promise.all(
        this.namespaces.map((namespace) => rolledOut({ kubeconfigPath }, { name, namespace, timeoutMs })),
      );
      // For a moment after a pod was deleted, its Deployment's status still counts it.
      const [serving, wanted] = [(await this.list()).length, await this.#replicas()];
      if (serving === wanted) return;
      if (Date.now() > deadline)
        throw new Error(`only ${serving} of ${wanted} pods of ${name} serve requests`);
      await pause(100);
    }
  }

  async #replicas(): Promise<number> {
    const apps = this.#access.kubeconfig.makeApiClient(AppsV1Api);
    const { name } = this;
    const scales = await Promise.all(
      this.namespaces.map((namespace) => apps.readNamespacedDeploymentScale({ name, namespace })),
    );
    return scales.reduce((sum, { spec }) => sum + (spec?.replicas ?? 0), 0);
  }

  /** Adds to the environment of pods that start from now on; running pods keep theirs. */
  async atNextStart(environment: Readonly<Record<string, string>>): Promise<void> {
    const { kubeconfig } = this.#access;
    const { name } = this;
    await Promise.all(
      this.namespaces.map((namespace) => setStartEnvironment(kubeconfig, { name, namespace }, environment)),
    );
  }

  /** Ends the watch. The pods stay. */
  async stop(): Promise<void> {
    await this.#watch.stop();
  }
}
