import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { request } from "undici";
import { readKubeconfig } from "../../lab/kubernetes/kubeconfig.ts";
import { podClient } from "../../lab/kubernetes/pod-client.ts";
import { curl, hasCurl } from "../curl.ts";
import { canariesOf, type Workload } from "../workload.ts";
import type { BenchPods } from "./bench-pods.ts";
import type { Kubectl } from "./kubectl.ts";
import { resetPods } from "./pod-control.ts";

/** The runbook by hand: one pod after another, a refresh and one look with the old token for each. */
export interface ByHand {
  tool: "kubectl and curl" | "client-node";
  /** For all pods; median of the rounds. */
  ms: number;
  rounds: number[];
  /** How many pods were measured; where there are more, `ms` is reckoned from them. */
  measuredPods: number;
}

/** A person with a loop in a shell; more than that takes long, and each takes as long as the one before. */
const mostPods = 20;
const port = 8080;

/** How many of the pods are measured. */
export function measuredByHand(pods: number): number {
  return Math.min(pods, mostPods);
}

/** What a round is done with. */
export function byHandTool(kubectl: Kubectl | undefined): ByHand["tool"] {
  return kubectl !== undefined && hasCurl() ? "kubectl and curl" : "client-node";
}

/** Measures one round over up to 20 pods, and reckons the rest. Milliseconds. */
export async function playByHand(
  pods: BenchPods,
  workload: Workload,
  kubectl: Kubectl | undefined,
): Promise<number> {
  const names = pods.podNames.slice(0, mostPods);
  const byKubectl = byHandTool(kubectl) === "kubectl and curl" ? kubectl : undefined;
  await resetPods(pods.controlUrl);
  const start = performance.now();
  for (const name of names) {
    if (byKubectl) await forwarded(byKubectl, pods, name, (url) => curlPod(url, workload));
    else await askPod(pods, name, workload);
  }
  return ((performance.now() - start) / names.length) * pods.podNames.length;
}

/** `kubectl port-forward` for as long as the work takes, at a port that it chooses. */
async function forwarded(
  kubectl: Kubectl,
  { kubeconfigPath, target }: BenchPods,
  pod: string,
  work: (url: string) => Promise<void>,
): Promise<void> {
  const args = ["--kubeconfig", kubeconfigPath, "--namespace", target.namespace, "port-forward"];
  const options = { stdio: ["ignore", "pipe", "inherit"] as ["ignore", "pipe", "inherit"] };
  const child = spawn(kubectl.path, [...args, `pod/${pod}`, `:${port}`], options);
  const gone = once(child, "exit");
  try {
    await work(await localUrl(child, child.stdout));
  } finally {
    child.kill();
    await gone;
  }
}

async function localUrl(child: ChildProcess, stdout: Readable): Promise<string> {
  const lines = createInterface({ input: stdout });
  const [line] = await Promise.race([once(lines, "line"), once(child, "exit").then(() => [""])]);
  const address = /^Forwarding from (\S+) ->/.exec(String(line))?.[1];
  if (address === undefined) throw new Error(`kubectl port-forward does not forward: ${line}`);
  return `http://${address}`;
}

async function curlPod(url: string, { questions }: Workload): Promise<void> {
  const canaries = canariesOf(questions);
  const { refresh, apiRefreshTokens, probe } = questions.fleet;
  await curl(["--request", "POST"], `${url}${refresh.path}`, apiRefreshTokens[0] ?? "", 200);
  await curl([], `${url}${probe.path}`, canaries[0]?.seen.token ?? "", 401);
}

/** Where there is no kubectl: the same without its start. */
async function askPod(
  { kubeconfigPath, target: { namespace } }: BenchPods,
  name: string,
  { questions }: Workload,
): Promise<void> {
  const canaries = canariesOf(questions);
  const { refresh, apiRefreshTokens, probe } = questions.fleet;
  const client = podClient(readKubeconfig(kubeconfigPath), { namespace, name, port });
  const ask = async (method: "GET" | "POST", path: string, token: string | undefined) => {
    const headers = { authorization: `Bearer ${token}` };
    const { body } = await request(`http://localhost:${port}${path}`, {
      method,
      headers,
      dispatcher: client,
    });
    await body.dump();
  };
  await ask("POST", refresh.path, apiRefreshTokens[0]);
  await ask("GET", probe.path, canaries[0]?.seen.token);
  client.destroy().catch(() => undefined);
}
