import { once } from "node:events";
import { PassThrough } from "node:stream";
import { type KubeConfig, PortForward } from "@kubernetes/client-node";

const timeoutMs = 2_000;

/** Whether a pod's port answers HTTP where it is reached as clients outside the cluster reach it. */
export async function answersThroughApiServer(
  kubeconfig: KubeConfig,
  { namespace, name, port }: { namespace: string; name: string; port: number },
): Promise<boolean> {
  const [toPod, fromPod, errors] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const forward = new PortForward(kubeconfig);
  const socket = await forward.portForward(namespace, name, [port], fromPod, errors, toPod);
  const ended = new AbortController();
  const signal = AbortSignal.any([ended.signal, AbortSignal.timeout(timeoutMs)]);
  try {
    const answered = once(fromPod, "data", { signal }).then(([chunk]) => /^HTTP\/1/.test(String(chunk)));
    const refused = once(errors, "data", { signal }).then(() => false);
    toPod.write("GET /healthz HTTP/1.1\r\nhost: pod\r\nconnection: close\r\n\r\n");
    return await Promise.race([answered, refused]);
  } finally {
    ended.abort();
    if (typeof socket !== "function") socket.close();
  }
}
