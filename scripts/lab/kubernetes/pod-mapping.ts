import { setTimeout as pause } from "node:timers/promises";
import { CoreV1Api, CustomObjectsApi, type KubeConfig } from "@kubernetes/client-node";
import type { CriLog } from "./cri-log.ts";
import type { PodAddress } from "./pod-address.ts";
import { answersThroughApiServer } from "./port-forward-probe.ts";

export interface PodMappingOptions {
  readonly namespace: string;
  /** Of the pod: KWOK finds a pod's mapping by it. */
  readonly name: string;
  /** What a client names to reach the process. */
  readonly containerPort: number;
  readonly address: PodAddress;
  readonly log: CriLog;
}

const group = "kwok.x-k8s.io";
const retryMs = 200;
const version = "v1alpha1";

/** What tells KWOK where a pod's port-forward leads, and where its log is. */
export class PodMapping {
  readonly #kubeconfig: KubeConfig;
  readonly #api: CustomObjectsApi;
  readonly #core: CoreV1Api;
  readonly #options: PodMappingOptions;

  constructor(kubeconfig: KubeConfig, options: PodMappingOptions) {
    this.#kubeconfig = kubeconfig;
    this.#core = kubeconfig.makeApiClient(CoreV1Api);
    this.#api = kubeconfig.makeApiClient(CustomObjectsApi);
    this.#options = options;
  }

  /** Makes it, in place of what a pod of the same name has left. */
  async create(): Promise<void> {
    await this.delete();
    const { containerPort, address, log } = this.#options;
    const target = { address: address.host, port: address.port };
    await this.#create("portforwards", "PortForward", { forwards: [{ ports: [containerPort], target }] });
    const files = { logsFile: log.file, previousLogsFile: log.previousFile, follow: true };
    await this.#create("logs", "Logs", { logs: [files] });
  }

  /**
   * Resolves when the pod's port and its log can be reached through the API server. KWOK may learn of a mapping late,
   * as after a restart of the API server, or remember what it knew in the moment between learning of a change and
   * storing it; the next change makes it look again.
   */
  async served(signal: AbortSignal): Promise<void> {
    while (!(await this.#isServed())) {
      await pause(retryMs, undefined, { signal });
      await this.#touch().catch(() => {});
    }
  }

  async delete(): Promise<void> {
    await Promise.all(
      ["portforwards", "logs"].map((plural) =>
        this.#api.deleteNamespacedCustomObject(this.#names(plural)).catch(ignoreAbsent),
      ),
    );
  }

  async #isServed(): Promise<boolean> {
    const { namespace, name, containerPort } = this.#options;
    try {
      await this.#core.readNamespacedPodLog({ namespace, name, tailLines: 1 });
      return await answersThroughApiServer(this.#kubeconfig, { namespace, name, port: containerPort });
    } catch {
      return false;
    }
  }

  /** Changes it without a change of meaning. */
  async #touch(): Promise<void> {
    const value = { "jwks-break-glass.lab/touched": new Date().toISOString() };
    const body = [{ op: "add", path: "/metadata/annotations", value }];
    await Promise.all(
      ["portforwards", "logs"].map((plural) =>
        this.#api.patchNamespacedCustomObject({ ...this.#names(plural), body }),
      ),
    );
  }

  #names(plural: string) {
    const { namespace, name } = this.#options;
    return { group, version, namespace, plural, name };
  }

  async #create(plural: string, kind: string, spec: object): Promise<void> {
    const { namespace, name } = this.#options;
    const body = { apiVersion: `${group}/${version}`, kind, metadata: { namespace, name }, spec };
    await this.#api.createNamespacedCustomObject({ group, version, namespace, plural, body });
  }
}

function ignoreAbsent(error: { code?: unknown }): void {
  if (error.code !== 404) throw error;
}
