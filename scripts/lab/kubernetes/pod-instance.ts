import { CoreV1Api, type KubeConfig, type V1Pod } from "@kubernetes/client-node";
import type { ApiProcess } from "../api-fleet.ts";
import { statusOfGet } from "../bearer-request.ts";
import type { AccessLine } from "../sample-api/log.ts";
import type { Behaviour } from "../sample-api/misbehaviour.ts";
import { podClient } from "./pod-client.ts";
import type { PodRunner } from "./pod-runner.ts";
import { samplePort } from "./sample-deployment.ts";

/** What a pod is reached by. */
export interface PodAccess {
  readonly kubeconfig: KubeConfig;
  /** Absent in a cluster that runs its pods itself: there a pod's own address leads nowhere from here. */
  readonly runner?: PodRunner | undefined;
}

/** One pod of the sample API. */
export class PodInstance implements ApiProcess {
  readonly name: string;
  readonly namespace: string;
  /** Tells it from a later pod of the same name. */
  readonly uid: string;
  readonly #access: PodAccess;

  constructor(access: PodAccess, { metadata }: V1Pod) {
    this.name = metadata?.name ?? "";
    this.namespace = metadata?.namespace ?? "";
    this.uid = metadata?.uid ?? "";
    this.#access = access;
  }

  get url(): string {
    return this.#ownUrl ?? `http://${this.name}.${this.namespace}:${samplePort}`;
  }

  /**
   * Lasts until the pod's container ends: the next one behaves.
   *
   * @throws Error where the pod's process is not the lab's
   */
  async misbehave(behaviour: Behaviour): Promise<void> {
    const { runner } = this.#access;
    if (!runner) throw new Error(`${this.name} can't misbehave: the lab does not run its process`);
    await runner.misbehave(this.namespace, this.name, behaviour);
  }

  /** The lines that its container has logged. */
  async log(): Promise<string[]> {
    const { name, namespace } = this;
    const text = await this.#access.kubeconfig
      .makeApiClient(CoreV1Api)
      .readNamespacedPodLog({ name, namespace });
    return text.split("\n").filter((line) => line !== "");
  }

  async accessLog(): Promise<AccessLine[]> {
    const lines = (await this.log()).filter((line) => line.startsWith('{"access":'));
    const all = lines.map((line) => (JSON.parse(line) as { access: AccessLine }).access);
    return all.filter(({ listener }) => listener === "api");
  }

  async statusOf(path: string, token: string): Promise<number | undefined> {
    const direct = this.#ownUrl;
    if (direct !== undefined) return statusOfGet(`${direct}${path}`, token);
    const { name, namespace } = this;
    const client = podClient(this.#access.kubeconfig, { name, namespace, port: samplePort });
    try {
      return await statusOfGet(`http://localhost:${samplePort}${path}`, token, client);
    } finally {
      client.destroy().catch(() => undefined);
    }
  }

  get #ownUrl(): string | undefined {
    return this.#access.runner?.pods().find(({ uid }) => uid === this.uid)?.url;
  }
}
