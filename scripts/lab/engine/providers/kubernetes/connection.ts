import type { KubeConfig } from "@kubernetes/client-node";
import { kubeconfigText } from "./kubeconfig-text.ts";
import type { ProviderSettings } from "./provider-settings.ts";
import { SecretsApi } from "./secrets-api.ts";

/** The cluster can't be reached: a bad kubeconfig, or no answer. */
export class ClusterUnreachable extends Error {
  constructor(reason: string) {
    super(`configured Kubernetes cluster is unreachable: ${reason}`);
    this.name = "ClusterUnreachable";
  }
}

export interface Connection {
  /** Of objects that name none. */
  readonly namespace: string;
  readonly secrets: SecretsApi;
}

function load(config: KubeConfig, { kubeconfig }: ProviderSettings): void {
  try {
    if (kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromString(kubeconfigText(kubeconfig));
  } catch {
    // The cause may quote the kubeconfig, and so a credential.
    throw new ClusterUnreachable("failed to parse kubeconfig");
  }
}

function choose(config: KubeConfig, { context, cluster }: ProviderSettings): void {
  // The library's last resort, where it has found nothing, is a made-up cluster on this machine.
  if (config.getCurrentContext() === "loaded-context") throw new ClusterUnreachable("there is no kubeconfig");
  if (context !== undefined) config.setCurrentContext(context);
  const chosen = config.getContextObject(config.getCurrentContext());
  if (chosen === null) throw new ClusterUnreachable(`context "${config.getCurrentContext()}" does not exist`);
  if (cluster !== undefined) Object.assign(chosen, { cluster });
  if (config.getCurrentCluster() === null) {
    throw new ClusterUnreachable(`cluster "${chosen.cluster}" does not exist`);
  }
}

/**
 * Reads the kubeconfig of a provider: its own, else KUBECONFIG, `~/.kube/config` or the pod's. Nothing is sent yet.
 *
 * @throws {ClusterUnreachable}
 */
export async function connect(settings: ProviderSettings): Promise<Connection> {
  // Half a second, which programs without Kubernetes don't pay.
  const client = await import("@kubernetes/client-node");
  const config = new client.KubeConfig();
  load(config, settings);
  choose(config, settings);
  const namespace = settings.namespace ?? config.getContextObject(config.getCurrentContext())?.namespace;
  return { namespace: namespace || "default", secrets: new SecretsApi(client, config) };
}
