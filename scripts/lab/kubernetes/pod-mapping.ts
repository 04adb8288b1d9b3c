import { CustomObjectsApi, type KubeConfig } from "@kubernetes/client-node";
import type { CriLog } from "./cri-log.ts";
import type { PodAddress } from "./pod-address.ts";

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
const version = "v1alpha1";

/** What tells KWOK where a pod's port-forward leads, and where its log is. */
export class PodMapping {
  readonly #api: CustomObjectsApi;
  readonly #options: PodMappingOptions;

  constructor(kubeconfig: KubeConfig, options: PodMappingOptions) {
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
   * Changes it without a change of meaning. KWOK may remember what it knew in the moment between learning of a
   * change and storing it; the next change makes it look again.
   */
  async touch(): Promise<void> {
    const patch = [
      { op: "add", path: "/metadata/annotations", value: { "jwks-break-glass.lab/ready": "true" } },
    ];
    await Promise.all(
      ["portforwards", "logs"].map((plural) =>
        this.#api.patchNamespacedCustomObject({ ...this.#names(plural), body: patch }),
      ),
    );
  }

  async delete(): Promise<void> {
    await Promise.all(
      ["portforwards", "logs"].map((plural) =>
        this.#api.deleteNamespacedCustomObject(this.#names(plural)).catch(ignoreAbsent),
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
