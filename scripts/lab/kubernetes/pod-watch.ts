import {
  CoreV1Api,
  type Informer,
  type KubeConfig,
  makeInformer,
  type ObjectCache,
  type V1Pod,
} from "@kubernetes/client-node";
import { isReadyCondition } from "./pod-status.ts";

const reconnectMs = 200;

/** A pod that serves: ready, and not about to end. */
export function isServing({ metadata, status }: V1Pod): boolean {
  return metadata?.deletionTimestamp === undefined && (status?.conditions?.some(isReadyCondition) ?? false);
}

/** Knows the pods of some namespaces as they come and go. */
export class PodWatch {
  readonly #informers: (Informer<V1Pod> & ObjectCache<V1Pod>)[];
  readonly #core: CoreV1Api;
  readonly #namespaces: readonly string[];
  readonly #labelSelector: string;
  #stopped = false;

  constructor(kubeconfig: KubeConfig, namespaces: readonly string[], labelSelector: string) {
    this.#core = kubeconfig.makeApiClient(CoreV1Api);
    this.#namespaces = namespaces;
    this.#labelSelector = labelSelector;
    this.#informers = namespaces.map((namespace) => {
      const path = `/api/v1/namespaces/${namespace}/pods`;
      return makeInformer(kubeconfig, path, () => this.#listNamespace(namespace), labelSelector);
    });
  }

  /** Resolves when the pods that there are now are known. */
  async start(): Promise<void> {
    for (const informer of this.#informers) {
      // An informer gives up when the API server is down.
      informer.on("error", () => {
        if (!this.#stopped) setTimeout(() => void this.#restart(informer), reconnectMs).unref();
      });
    }
    await Promise.all(this.#informers.map((informer) => informer.start()));
  }

  /** The pods that serve, as far as is known here. */
  serving(): V1Pod[] {
    return this.#informers.flatMap((informer) => informer.list()).filter(isServing);
  }

  /** Asks the API server for the pods that serve. */
  async list(): Promise<V1Pod[]> {
    const lists = await Promise.all(this.#namespaces.map((namespace) => this.#listNamespace(namespace)));
    return lists.flatMap(({ items }) => items).filter(isServing);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#informers.map((informer) => informer.stop()));
  }

  #listNamespace(namespace: string) {
    return this.#core.listNamespacedPod({ namespace, labelSelector: this.#labelSelector });
  }

  async #restart(informer: Informer<V1Pod>): Promise<void> {
    if (!this.#stopped) await informer.start();
  }
}
