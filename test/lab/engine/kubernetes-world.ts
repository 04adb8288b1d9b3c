import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { CoreV1Api, PatchStrategy, setHeaderOptions, type V1Secret } from "@kubernetes/client-node";
import { parse, stringify } from "yaml";
import type { LabKubernetes } from "../../../scripts/lab/kubernetes/kubernetes.ts";
import { clientConfig } from "../kubernetes/cluster.ts";
import { World } from "./world.ts";

export const KEY = "INTERNAL_JWKS_REFRESH_TOKEN";

export interface Kubeconfig {
  clusters: { name: string; cluster: Record<string, unknown> }[];
  contexts: { name: string; context: Record<string, string> }[];
  users: object[];
}

/** A stack of the fixture `kubernetes`, and a namespace of its own in the lab's cluster. */
export class KubernetesWorld {
  readonly world: World;
  readonly namespace: string;
  readonly #core: CoreV1Api;
  readonly #shown: string[] = [];

  private constructor(world: World, namespace: string, core: CoreV1Api) {
    this.world = world;
    this.namespace = namespace;
    this.#core = core;
  }

  /** @param env for every command. Default: KUBECONFIG leads to the lab's cluster */
  static async open(
    test: TestContext,
    kubernetes: LabKubernetes,
    env: Record<string, string> = { KUBECONFIG: kubernetes.kubeconfigPath },
  ): Promise<KubernetesWorld> {
    const world = await World.open(test, "kubernetes", { KUBECONFIG: "", HOME: "/nonexistent", ...env });
    const namespace = await kubernetes.createNamespace();
    const core = clientConfig(kubernetes.kubeconfigPath).makeApiClient(CoreV1Api);
    return new KubernetesWorld(world, namespace, core);
  }

  async want(secrets: object[], more: Record<string, unknown> = {}): Promise<void> {
    await this.world.stack.setConfig({ secrets, ...more });
  }

  /** Runs an operation and keeps what it has shown. */
  async run(operation: "up" | "preview" | "refresh" | "destroy", args: readonly string[] = []) {
    const result = await this.world.stack[operation](args);
    this.#shown.push(result.output);
    return result;
  }

  /** Everything that was shown, and the state as it is stored. */
  async allText(): Promise<string> {
    const state = JSON.stringify(await this.world.stack.export());
    return [...this.#shown, this.world.checkpoint(), state].join("\n");
  }

  async ids(): Promise<Record<string, string>> {
    return (await this.world.stack.outputs()).ids as Record<string, string>;
  }

  async token(): Promise<string> {
    return String((await this.world.stack.outputs({ showSecrets: true })).tokenText);
  }

  async find(name: string, namespace = this.namespace): Promise<V1Secret | undefined> {
    const { items } = await this.#core.listNamespacedSecret({ namespace });
    return items.find(({ metadata }) => metadata?.name === name);
  }

  /** What the Secret's key holds. */
  async value(name: string, namespace = this.namespace): Promise<string | undefined> {
    const text = (await this.find(name, namespace))?.data?.[KEY];
    return text === undefined ? undefined : Buffer.from(text, "base64").toString();
  }

  /** Makes a Secret as somebody else would. */
  async make(name: string, data: Record<string, string>, annotations: Record<string, string> = {}) {
    const body = { metadata: { name, annotations }, stringData: data };
    await this.#core.createNamespacedSecret({ namespace: this.namespace, body, fieldManager: "another" });
  }

  /** Changes a Secret as somebody else would. */
  async change(name: string, data: Record<string, string>, fieldManager: string): Promise<void> {
    const request = { name, namespace: this.namespace, body: { stringData: data }, fieldManager };
    const options = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);
    await this.#core.patchNamespacedSecret(request, options);
  }

  async remove(name: string): Promise<void> {
    await this.#core.deleteNamespacedSecret({ name, namespace: this.namespace });
  }

  /** Writes a changed copy of a kubeconfig, and gives its path. */
  async kubeconfig(text: string, change: (config: Kubeconfig) => void): Promise<string> {
    const config = parse(text) as Kubeconfig;
    change(config);
    const path = join(this.world.dir, `kubeconfig-${process.hrtime.bigint()}`);
    await writeFile(path, stringify(config), { mode: 0o600 });
    return path;
  }
}
