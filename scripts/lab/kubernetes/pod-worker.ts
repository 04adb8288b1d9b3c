import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import {
  type CoreV1Api,
  type KubeConfig,
  PatchStrategy,
  setHeaderOptions,
  type V1Pod,
} from "@kubernetes/client-node";
import { persistently, refusalStatus } from "./api-calls.ts";
import { CriLog } from "./cri-log.ts";
import { type PodAddress, podAddress } from "./pod-address.ts";
import { ContainerConfigError, podEnvironment } from "./pod-environment.ts";
import { PodMapping } from "./pod-mapping.ts";
import { probeReadiness } from "./pod-probe.ts";
import { PodProcess } from "./pod-process.ts";
import { type ContainerReport, podStatus } from "./pod-status.ts";
import { samplePort } from "./sample-deployment.ts";

export interface PodWorld {
  readonly kubeconfig: KubeConfig;
  readonly core: CoreV1Api;
  /** For logs. */
  readonly directory: string;
  /** Milliseconds until a container that ended is started again; it doubles each time, to 30 s at most. */
  readonly crashBackOffMs: number;
  /** Called with a problem that keeps a pod from being served and is not the pod's own. */
  readonly onProblem: (message: string) => void;
}

const configRetryMs = 500;

/** Does for one pod what a kubelet does: its container is a process on this machine. */
export class PodWorker {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly #world: PodWorld;
  readonly #abort = new AbortController();
  readonly #finished: Promise<void>;
  #pod: V1Pod;
  #address: PodAddress | undefined;
  #mapping: PodMapping | undefined;
  #process: PodProcess | undefined;
  #ending: Promise<void> | undefined;

  constructor(world: PodWorld, pod: V1Pod) {
    this.namespace = pod.metadata?.namespace ?? "";
    this.name = pod.metadata?.name ?? "";
    this.uid = pod.metadata?.uid ?? "";
    this.#world = world;
    this.#pod = pod;
    this.#finished = this.#run().catch((error: Error) => this.#failed(error));
  }

  /** Of the process; undefined while there is none. */
  get pid(): number | undefined {
    return this.#process?.running ? this.#process.pid : undefined;
  }

  /** Undefined until the pod has one. */
  get address(): PodAddress | undefined {
    return this.#address;
  }

  get process(): PodProcess | undefined {
    return this.#process;
  }

  /** Ends the container as a deleted pod's is ended, then confirms the deletion to the API server. */
  terminate(graceMs: number): Promise<void> {
    this.#ending ??= this.#end(graceMs).catch((error: Error) => this.#failed(error));
    return this.#ending;
  }

  /** Kills the process without reporting it. */
  async kill(): Promise<void> {
    this.#abort.abort();
    await this.#finished;
    await this.#process?.stop(0);
  }

  async #end(graceMs: number): Promise<void> {
    this.#abort.abort();
    await this.#finished;
    await this.#process?.stop(graceMs);
    const signal = AbortSignal.timeout(60_000);
    await persistently(async () => this.#mapping?.delete(), signal);
    const body = { gracePeriodSeconds: 0, preconditions: { uid: this.uid } };
    const { core } = this.#world;
    await persistently(
      () => core.deleteNamespacedPod({ name: this.name, namespace: this.namespace, body }),
      signal,
    );
  }

  async #run(): Promise<void> {
    const [container] = this.#pod.spec?.containers ?? [];
    const containerPort = container?.ports?.[0]?.containerPort ?? samplePort;
    const address = await podAddress(containerPort);
    this.#address = address;
    await this.#reportWaiting("ContainerCreating", "");
    if (container?.image?.includes("does-not-exist")) return this.#failToPull(container.image);
    const { namespace, name } = this;
    const log = new CriLog(join(this.#world.directory, `${this.uid}.log`));
    const options = { namespace, name, containerPort, address, log };
    const mapping = new PodMapping(this.#world.kubeconfig, options);
    this.#mapping = mapping;
    await persistently(() => mapping.create(), this.#abort.signal);
    await this.#runContainer(address, log);
  }

  async #failToPull(image: string): Promise<void> {
    const message = `failed to pull and unpack image "${image}": not found`;
    await this.#reportWaiting("ErrImagePull", message);
    await pause(configRetryMs, undefined, { signal: this.#abort.signal });
    await this.#reportWaiting(
      "ImagePullBackOff",
      `Back-off pulling image "${image}": ErrImagePull: ${message}`,
    );
  }

  async #runContainer(address: PodAddress, log: CriLog): Promise<never> {
    let history: Pick<ContainerReport, "lastState" | "restartCount"> = { restartCount: 0 };
    for (;;) {
      const env = await this.#environment(address);
      const process = new PodProcess({ env, address, log });
      this.#process = process;
      const terminated = await this.#watchProcess(process, address, history);
      const restartCount = history.restartCount + 1;
      const backOffMs = Math.min(this.#world.crashBackOffMs * 2 ** (restartCount - 1), 30_000);
      history = { lastState: { terminated }, restartCount };
      const message = `back-off ${backOffMs / 1000}s restarting failed container=api pod=${this.name}`;
      const waiting = { reason: "CrashLoopBackOff", message };
      await this.#report({ ...history, state: { waiting }, ready: false });
      await pause(backOffMs, undefined, { signal: this.#abort.signal });
      log.turn();
    }
  }

  /** Reports a process while it runs. Resolves with how it ended. */
  async #watchProcess(
    process: PodProcess,
    address: PodAddress,
    history: Pick<ContainerReport, "lastState" | "restartCount">,
  ): Promise<{ exitCode: number; reason: string; startedAt: Date; finishedAt: Date }> {
    const running = { startedAt: process.startedAt };
    const report = (ready: boolean) => this.#report({ ...history, state: { running }, ready });
    const onChange = async (ready: boolean) => {
      if (ready) await this.#mapping?.served(this.#abort.signal);
      await report(ready);
    };
    const ended = new AbortController();
    const signal = AbortSignal.any([ended.signal, this.#abort.signal]);
    const probing = report(false).then(() => probeReadiness(this.#pod, address, onChange, signal));
    const exitCode = await Promise.race([process.exited, probing]);
    ended.abort();
    await probing.catch(() => {});
    const { startedAt } = process;
    return { exitCode, reason: exitCode === 0 ? "Completed" : "Error", startedAt, finishedAt: new Date() };
  }

  /** The container's environment, as soon as all that it refers to exists. */
  async #environment(address: PodAddress): Promise<Readonly<Record<string, string>>> {
    const { signal } = this.#abort;
    const { core } = this.#world;
    for (;;) {
      try {
        return await podEnvironment(core, this.#pod, address.host, signal);
      } catch (error) {
        if (!(error instanceof ContainerConfigError)) throw error;
        await this.#reportWaiting("CreateContainerConfigError", error.message);
        await pause(configRetryMs, undefined, { signal });
      }
    }
  }

  #reportWaiting(reason: string, message: string): Promise<void> {
    return this.#report({ state: { waiting: { reason, message } }, ready: false, restartCount: 0 });
  }

  async #report(report: ContainerReport): Promise<void> {
    const { namespace, name, uid } = this;
    const status = podStatus(this.#pod, this.#address?.host ?? "127.0.0.1", report);
    const options = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);
    const body = { metadata: { uid }, status };
    this.#pod = await persistently(
      () => this.#world.core.patchNamespacedPodStatus({ name, namespace, body }, options),
      this.#abort.signal,
    );
  }

  #failed(error: Error): void {
    const status = refusalStatus(error);
    // A pod that is being stopped or was deleted, and a namespace that is being deleted, are not problems.
    if (this.#abort.signal.aborted || status === 404 || status === 409) return;
    this.#world.onProblem(`pod ${this.namespace}/${this.name}: ${error.message}`);
  }
}
