import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CoreV1Api } from "@kubernetes/client-node";
import { startControlPlane } from "./control-plane.ts";
import { findDistribution } from "./distribution.ts";
import { readKubeconfig, writeKubeconfig } from "./kubeconfig.ts";
import { startKwok } from "./kwok.ts";
import { Servers } from "./servers.ts";
import { type LabUser, startTokenReviewer } from "./token-review.ts";

export type { LabUser } from "./token-review.ts";

/** A Kubernetes cluster. */
export interface LabKubernetes {
  readonly startedBy: "given-kubeconfig" | "built";
  /** Of an administrator. */
  readonly kubeconfigPath: string;
  readonly server: string;
  /** Makes a namespace with a name of its own, and gives the name. */
  createNamespace(): Promise<string>;
  /** Kills the API server, and starts it again at the same address. Only where the lab built it. */
  restartApiServer(): Promise<void>;
  /** A token for a user who may do only what RBAC grants to it. Only where the lab built the cluster. */
  tokenFor(user: LabUser): string;
  /** A kubeconfig, with one context, of such a user. Only where the lab built the cluster. */
  kubeconfigFor(user: LabUser, namespace?: string): Promise<{ kubeconfigPath: string; token: string }>;
  /** Ends what a token is good for: the API server, which remembers tokens, refuses it ten seconds later. */
  revoke(token: string): void;
  /** Where its logs are; undefined where the lab did not start it. */
  readonly directory: string | undefined;
  /** Stops it and removes its data. Does nothing to a cluster that was given. */
  stop(): Promise<void>;
}

export interface StartKubernetesOptions {
  /** Lines of progress. Default: none. */
  readonly onProgress?: (line: string) => void;
}

/**
 * Gives a Kubernetes cluster: the one of the kubeconfig that LAB_KUBECONFIG names (its current context), else a real
 * control plane on loopback, with KWOK as its one node, that is built from Go modules the first time.
 *
 * @throws Error that says what to install, or shows the end of the log of what did not start
 */
export async function startKubernetes(options: StartKubernetesOptions = {}): Promise<LabKubernetes> {
  const onProgress = options.onProgress ?? (() => {});
  const given = process.env.LAB_KUBECONFIG;
  if (given) return givenKubernetes(given);
  const distribution = await findDistribution(onProgress);
  if ("home" in distribution) return launchKubernetes(distribution.home, onProgress);
  throw new Error(
    `The lab needs a Kubernetes cluster, and there is no way to get one on this machine: ${distribution.missing}. ` +
      "Install Go (1.26 or later), or set LAB_KUBECONFIG to the kubeconfig of a cluster.",
  );
}

async function givenKubernetes(kubeconfigPath: string): Promise<LabKubernetes> {
  const server = readKubeconfig(kubeconfigPath).getCurrentCluster()?.server;
  if (server === undefined) throw new Error("LAB_KUBECONFIG has no current context: set one with kubectl.");
  const notOurs = (what: string) =>
    new Error(`${what} works only in a cluster that the lab built: unset LAB_KUBECONFIG.`);
  return {
    startedBy: "given-kubeconfig",
    kubeconfigPath,
    server,
    directory: undefined,
    createNamespace: () => createNamespace(kubeconfigPath),
    restartApiServer: async () => Promise.reject(notOurs("Restarting the API server")),
    tokenFor: () => {
      throw notOurs("Creating a user");
    },
    kubeconfigFor: async () => Promise.reject(notOurs("Creating a user")),
    revoke: () => {},
    stop: async () => {},
  };
}

async function launchKubernetes(home: string, onProgress: (line: string) => void): Promise<LabKubernetes> {
  const startedAt = Date.now();
  onProgress("Kubernetes: starting");
  for (let attempt = 1; ; attempt++) {
    try {
      const started = await launchOnce(home);
      const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
      onProgress(`Kubernetes: ready at ${started.server} after ${seconds} s`);
      return started;
    } catch (error) {
      // A port was free when it was looked for, and taken when it was to be used.
      if (attempt === 3 || !/address already in use/.test((error as Error).message)) throw error;
    }
  }
}

async function launchOnce(home: string): Promise<LabKubernetes> {
  const directory = await mkdtemp(join(tmpdir(), "lab-kubernetes-"));
  const reviewer = await startTokenReviewer();
  const servers = new Servers(join(home, "bin"), directory);
  const stop = async () => {
    await Promise.all([servers.stopAll(), reviewer.stop()]);
    await rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  };
  try {
    const plane = await startControlPlane({ servers, directory, tokenReviewUrl: reviewer.url });
    await startKwok(plane, home, directory);
    const { server, caFile, kubeconfigPath, restartApiServer } = plane;
    return {
      startedBy: "built",
      kubeconfigPath,
      server,
      directory,
      createNamespace: () => createNamespace(kubeconfigPath),
      restartApiServer,
      tokenFor: reviewer.issue,
      async kubeconfigFor(user, namespace) {
        const token = reviewer.issue(user);
        const path = join(await mkdtemp(join(directory, "user-")), "kubeconfig");
        await writeKubeconfig(path, {
          server,
          caFile,
          user: user.user,
          token,
          ...(namespace === undefined ? {} : { namespace }),
        });
        return { kubeconfigPath: path, token };
      },
      revoke: reviewer.revoke,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function createNamespace(kubeconfigPath: string): Promise<string> {
  const core = readKubeconfig(kubeconfigPath).makeApiClient(CoreV1Api);
  const { metadata } = await core.createNamespace({ body: { metadata: { generateName: "lab-" } } });
  if (metadata?.name === undefined) throw new Error("the API server created a namespace without a name");
  return metadata.name;
}
