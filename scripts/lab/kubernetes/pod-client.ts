import type { Socket } from "node:net";
import { type Duplex, duplexPair, Writable } from "node:stream";
import { type KubeConfig, PortForward } from "@kubernetes/client-node";
import { Client } from "undici";

export interface PodPort {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
}

/**
 * An HTTP client of one pod, by the API server's port-forward: it reaches pods of any cluster, also those whose
 * addresses lead nowhere from here. The caller destroys it.
 */
export function podClient(kubeconfig: KubeConfig, pod: PodPort): Client {
  return new Client(`http://localhost:${pod.port}`, {
    connect: (_options, done) => {
      openTunnel(kubeconfig, pod).then(
        // undici asks no more of a socket than a duplex stream has; its type does.
        (tunnel) => done(null, tunnel as Socket),
        (error: Error) => done(error, null),
      );
    },
  });
}

async function openTunnel(kubeconfig: KubeConfig, { namespace, name, port }: PodPort): Promise<Duplex> {
  const [ours, theirs] = duplexPair();
  const complaints = new Writable({
    write(chunk, _encoding, done) {
      // The channel is opened with an empty message; words on it say that nobody listens.
      if (chunk.length > 0) ours.destroy(new Error(String(chunk)));
      done();
    },
  });
  const forward = new PortForward(kubeconfig);
  const socket = await forward.portForward(namespace, name, [port], theirs, complaints, theirs);
  if (typeof socket === "function") throw new Error("the port-forward retries by itself");
  socket.onclose = () => ours.destroy();
  ours.once("close", () => socket.close());
  return ours;
}
