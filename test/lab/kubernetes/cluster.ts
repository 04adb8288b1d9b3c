import { once } from "node:events";
import { PassThrough, type Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { KubeConfig, Log, PortForward } from "@kubernetes/client-node";
import { isDirectory } from "../../../scripts/lab/cache-dir.ts";
import { distributionHome } from "../../../scripts/lab/kubernetes/distribution.ts";
import { hasGo } from "../../../scripts/lab/kubernetes/go-command.ts";

/** Why tests that need a cluster of the lab's own can't run here; false where they can. */
export async function noCluster(): Promise<string | false> {
  if (process.env.LAB_KUBECONFIG)
    return "LAB_KUBECONFIG is set: these tests need the lab's own control plane";
  if ((await isDirectory(distributionHome())) || (await hasGo())) return false;
  return "no Go on PATH to build the control plane with: install Go 1.26 or later";
}

export function clientConfig(kubeconfigPath: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfigPath);
  return config;
}

/** Waits until a condition holds, and gives what it found. */
export async function until<T>(
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  ms = 30_000,
) {
  const deadline = Date.now() + ms;
  for (;;) {
    const found = await condition();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`not within ${ms} ms: ${condition}`);
    await pause(50);
  }
}

/** Sends one HTTP request to a pod through the API server's port-forward, and gives the answer's text. */
export async function askPod(
  config: KubeConfig,
  pod: { namespace: string; name: string; port?: number },
  call: { method?: string; path: string; headers?: Record<string, string> },
): Promise<{ status: number; body: string }> {
  const toPod = new PassThrough();
  const fromPod = new PassThrough();
  const errors = new PassThrough();
  const socket = await new PortForward(config).portForward(
    pod.namespace,
    pod.name,
    [pod.port ?? 8080],
    fromPod,
    errors,
    toPod,
  );
  const late = AbortSignal.timeout(10_000);
  const tooLate = once(late, "abort").then(() => Promise.reject(new Error("the pod did not answer in 10 s")));
  const failed = firstChunk(errors).then((message) => Promise.reject(new Error(message)));
  try {
    return await Promise.race([exchange(toPod, fromPod, call), failed, tooLate]);
  } finally {
    if (typeof socket !== "function") socket.close();
  }
}

async function firstChunk(stream: Readable): Promise<string> {
  for await (const chunk of stream) return String(chunk);
  return new Promise(() => {});
}

/** One request and answer, written by hand: the stream is no socket. */
async function exchange(
  toPod: PassThrough,
  fromPod: PassThrough,
  { method = "GET", path, headers = {} }: { method?: string; path: string; headers?: Record<string, string> },
): Promise<{ status: number; body: string }> {
  const lines = Object.entries({ host: "pod", connection: "close", ...headers });
  toPod.write(
    `${method} ${path} HTTP/1.1\r\n${lines.map(([key, value]) => `${key}: ${value}\r\n`).join("")}\r\n`,
  );
  let answer = "";
  for await (const chunk of fromPod) {
    answer += String(chunk);
    const [head = "", body = ""] = answer.split("\r\n\r\n");
    const length = /^content-length: (\d+)/im.exec(head)?.[1];
    if (answer.includes("\r\n\r\n") && body.length >= Number(length ?? 0)) {
      return { status: Number(head.split(" ")[1]), body };
    }
  }
  throw new Error(`the pod closed the connection after ${JSON.stringify(answer)}`);
}

/** A pod's log, as `kubectl logs` shows it. */
export async function podLog(
  config: KubeConfig,
  pod: { namespace: string; name: string },
  options: { previous?: boolean; tailLines?: number } = {},
): Promise<string> {
  const stream = new PassThrough();
  const content = text(stream);
  await new Log(config).log(pod.namespace, pod.name, "api", stream, options);
  return content;
}
