import { AppsV1Api, AuthorizationV1Api, CoreV1Api, KubeConfig } from "@kubernetes/client-node";
import { RotationError } from "../../base/errors.ts";
import { kubernetesDefaults } from "./kubernetes-defaults.ts";
import type { KubernetesTarget } from "./kubernetes-target.ts";

/** A connection to the cluster of one target. */
export interface Cluster extends Clients {
  /** The target's name, for messages. */
  readonly target: string;
}

/** What one kubeconfig and context give access to. */
interface Clients {
  readonly config: KubeConfig;
  readonly core: CoreV1Api;
  readonly apps: AppsV1Api;
  readonly authorization: AuthorizationV1Api;
  /** Runs the login plugin that the kubeconfig may name, once for all who wait for it. */
  login(): Promise<void>;
}

type Connection = Pick<KubernetesTarget, "name" | "kubeconfig" | "context">;

/**
 * Clients by what the kubeconfig says. They keep what a login plugin has printed, so it runs once in a process, and not
 * again for each target and phase. A kubeconfig that has changed since then is another one.
 */
const clientsOf = new Map<string, Clients>();

/**
 * Opens the cluster of a target. Nothing is sent yet.
 *
 * @throws {RotationError} KUBECONFIG_INVALID
 */
export async function openCluster(target: Connection): Promise<Cluster> {
  const config = await readKubeconfig(target);
  const key = config.exportConfig();
  const clients = clientsOf.get(key) ?? makeClients(config);
  clientsOf.set(key, clients);
  return { target: target.name, ...clients };
}

function makeClients(config: KubeConfig): Clients {
  let login: Promise<void> | undefined;
  const logIn = async () => {
    try {
      await config.applyToHTTPSOptions({});
    } catch (error) {
      login = undefined;
      throw error;
    }
  };
  return {
    config,
    login: () => {
      login ??= logIn();
      return login;
    },
    core: config.makeApiClient(CoreV1Api),
    apps: config.makeApiClient(AppsV1Api),
    authorization: config.makeApiClient(AuthorizationV1Api),
  };
}

/** Forgets a login, so that the cluster is logged in to again when it is opened next. */
export function forgetLogin({ config }: Pick<Cluster, "config">): void {
  for (const [key, clients] of clientsOf) if (clients.config === config) clientsOf.delete(key);
}

/** The same order as @pulumi/kubernetes: the configured contents or path, then KUBECONFIG and its defaults. */
async function readKubeconfig(target: Connection): Promise<KubeConfig> {
  const defaults = target.kubeconfig === undefined ? await kubernetesDefaults() : {};
  const given = target.kubeconfig ?? defaults.kubeconfig;
  const config = new KubeConfig();
  try {
    if (given === undefined) config.loadFromDefault();
    else if (/[\n{]/.test(given)) config.loadFromString(given);
    else config.loadFromFile(given);
  } catch {
    // The cause may quote the kubeconfig, and so a credential.
    throw invalid(target, "the kubeconfig can't be read");
  }
  const context = target.context ?? defaults.context;
  if (context !== undefined) config.setCurrentContext(context);
  // The library's last resort, if it has found nothing, is a made-up cluster on this machine.
  if (config.getCurrentContext() === "loaded-context") throw invalid(target, "there is no kubeconfig");
  if (!config.getCurrentCluster()) {
    throw invalid(target, `the kubeconfig has no context ${config.getCurrentContext() || "that is current"}`);
  }
  const { server, skipTLSVerify } = config.getCurrentCluster() ?? {};
  // The client refuses such a server on each call, with a message that sounds like a failed connection.
  if (server?.startsWith("http:") && !skipTLSVerify) {
    throw invalid(
      target,
      "its server is an http:// URL, which can only be used with insecure-skip-tls-verify",
    );
  }
  return config;
}

function invalid({ name }: Connection, what: string): RotationError {
  return new RotationError("KUBECONFIG_INVALID", `target ${name}: ${what}`, {
    nextStep: "set kubernetes:kubeconfig and kubernetes:context, or kubeconfig and context of the target",
  });
}
