import { createServer } from "node:http";
import { freemem } from "node:os";
import { CoreV1Api } from "@kubernetes/client-node";
import { exportJWK, generateKeyPair } from "jose";
import { deploySampleApi } from "../../lab/kubernetes/deploy-sample-api.ts";
import { readKubeconfig } from "../../lab/kubernetes/kubeconfig.ts";
import type { LabKubernetes } from "../../lab/kubernetes/kubernetes.ts";
import { startPodRunner } from "../../lab/kubernetes/pod-runner.ts";
import type { Kubectl } from "./kubectl.ts";
import { measureRestart, type RolloutRestart } from "./rollout-restart.ts";

const name = "sample-api";
/** A sample API's, with something to spare. */
const bytesOfProcess = 150 * 1_048_576;
/** A rolling restart has a quarter more pods for a while. */
const surge = 1.25;
/** More processes than this start on no one machine in a time that means anything. */
const mostPods = 50;

/** Whether so many sample APIs can be restarted here. */
export function hasRoomFor(pods: number): boolean {
  return pods <= mostPods && pods * surge * bytesOfProcess < freemem() / 2;
}

/** Restarts a Deployment whose pods are processes of the sample API that start, fetch the keys and then are ready. */
export async function measureProcessRestart(
  kubernetes: LabKubernetes,
  kubectl: Kubectl,
  replicas: number,
): Promise<RolloutRestart> {
  const { kubeconfigPath } = kubernetes;
  const namespace = await kubernetes.createNamespace();
  const issuer = await startIssuer();
  const runner = await startPodRunner(kubernetes, { namespace });
  try {
    const env = { ISSUER: issuer.url, JWKS_URI: `${issuer.url}/jwks` };
    await deploySampleApi(kubernetes, { name, namespace, replicas, env, timeoutMs: 300_000 });
    return await measureRestart(kubectl, { kubeconfigPath, namespace, name }, 1);
  } finally {
    await runner.stop();
    await issuer.stop();
    await readKubeconfig(kubeconfigPath).makeApiClient(CoreV1Api).deleteNamespace({ name: namespace });
  }
}

/** Serves a JWKS to the sample APIs. */
async function startIssuer(): Promise<{ url: string; stop(): Promise<void> }> {
  const { publicKey } = await generateKeyPair("ES256");
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: "bench", alg: "ES256" }] });
  const server = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "application/json" }).end(jwks);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no TCP address");
  const stop = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://127.0.0.1:${address.port}`, stop };
}
