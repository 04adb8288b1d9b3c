import { AppsV1Api, AuthorizationV1Api, CoreV1Api, KubeConfig } from "@kubernetes/client-node";
import { RotationError } from "../../base/errors.ts";
import { type Action, clusterError, isPassing } from "./cluster-errors.ts";
import { kubernetesDefaults } from "./kubernetes-defaults.ts";
import type { KubernetesTarget } from "./kubernetes-target.ts";

/** A connection to the cluster of one target. */
export interface Cluster {
  /** The target's name, for messages. */
  readonly target: string;
  readonly config: KubeConfig;
  readonly core: CoreV1Api;
  readonly apps: AppsV1Api;
  readonly authorization: AuthorizationV1Api;
}

type Connection = Pick<KubernetesTarget, "name" | "kubeconfig" | "context">;

/**
 * Opens the cluster of a target. Nothing is sent yet.
 *
 * @throws {RotationError} KUBECONFIG_INVALID
 */
export async function openCluster(target: Connection): Promise<Cluster> {
  const config = await readKubeconfig(target);
  return {
    target: target.name,
    config,
    core: config.makeApiClient(CoreV1Api),
    apps: config.makeApiClient(AppsV1Api),
    authorization: config.makeApiClient(AuthorizationV1Api),
  };
}

/** As @pulumi/kubernetes reads it: what is configured is contents or a path, then come KUBECONFIG and its defaults. */
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
  // The library's last resort, where it has found nothing, is a made-up cluster on this machine.
  if (config.getCurrentContext() === "loaded-context") throw invalid(target, "there is no kubeconfig");
  if (!config.getCurrentCluster()) {
    throw invalid(target, `the kubeconfig has no context ${config.getCurrentContext() || "that is current"}`);
  }
  const { server, skipTLSVerify } = config.getCurrentCluster() ?? {};
  // The client refuses such a server on each call, in words that sound like a failed connection.
  if (server?.startsWith("http:") && !skipTLSVerify) {
    throw invalid(target, "its server is an http:// URL, which takes insecure-skip-tls-verify to be used");
  }
  return config;
}

function invalid({ name }: Connection, what: string): RotationError {
  return new RotationError("KUBECONFIG_INVALID", `target ${name}: ${what}`, {
    nextStep: "set kubernetes:kubeconfig and kubernetes:context, or kubeconfig and context of the target",
  });
}

const callTimeoutMs = 10_000;
const retryMs = 250;

/**
 * Calls the API server, and again while it gives no answer that counts: it may be restarting.
 *
 * @param action what the call does, for the error: `list pods`
 * @param patienceMs for how long it is asked again. Default: 30 000
 * @throws {RotationError} KUBERNETES_UNREACHABLE, KUBERNETES_LOGIN_REFUSED, KUBERNETES_FORBIDDEN, KUBERNETES_UNEXPECTED_ANSWER
 */
export async function callCluster<T>(
  cluster: Pick<Cluster, "target">,
  action: Action,
  call: () => Promise<T>,
  patienceMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    try {
      return await within(Math.min(callTimeoutMs, Math.max(patienceMs, 1_000)), call());
    } catch (error) {
      if (!isPassing(error) || Date.now() >= deadline) throw clusterError(cluster.target, action, error);
      await new Promise((done) => setTimeout(done, retryMs));
    }
  }
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${ms / 1000} s`)), ms);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
