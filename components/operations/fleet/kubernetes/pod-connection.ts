import type { Socket } from "node:net";
import { type Duplex, duplexPair, Writable } from "node:stream";
import { connect as connectTls } from "node:tls";
import { PortForward } from "@kubernetes/client-node";
import { Client } from "undici";
import type { Barrier } from "../barrier.ts";
import type { Cluster } from "./cluster.ts";
import { clusterError } from "./cluster-errors.ts";
import type { KubernetesTarget, PodFacts, PodInstance } from "./kubernetes-target.ts";

/**
 * A connection to one pod through the API server's port-forward, for undici. Unlike the API server's proxy it leaves
 * `Authorization` alone, and unlike `kubectl port-forward` it opens no port on this machine.
 */
export function podDispatcher(
  cluster: Cluster,
  { scheme, serverName }: Pick<KubernetesTarget, "scheme" | "serverName">,
  { name, pod }: PodInstance,
  barrier?: Barrier,
): Client {
  return new Client(`${scheme}://localhost:${pod.port}`, {
    keepAliveTimeout: 30_000,
    connect: (_options, done) => {
      openTunnel(cluster, name, pod)
        .then((tunnel) => (scheme === "https" ? secured(tunnel, serverName) : asSocket(tunnel)))
        .then(
          async (socket) => {
            await barrier?.arrived();
            done(null, socket);
          },
          (error: Error) => {
            barrier?.failed();
            done(error, null);
          },
        );
    },
  });
}

async function openTunnel(cluster: Cluster, name: string, pod: PodFacts): Promise<Duplex> {
  const [ours, theirs] = duplexPair();
  // The end of the tunnel tells its user about an error; when the error comes, nobody may be listening for it.
  for (const end of [ours, theirs]) end.on("error", () => undefined);
  const complaints = new Writable({
    write(chunk, _encoding, done) {
      // An empty message opens the channel; a text on it means that nothing listens in the pod.
      if (chunk.length > 0) ours.destroy(noListener());
      done();
    },
  });
  try {
    const { namespace, port } = pod;
    const socket = await new PortForward(cluster.config).portForward(
      namespace,
      name,
      [port],
      theirs,
      complaints,
      theirs,
    );
    if (typeof socket === "function") throw new Error("a connection that is retried");
    socket.onclose = () => ours.destroy();
    ours.once("close", () => socket.close());
    return ours;
  } catch (error) {
    const action = { verb: "create", resource: "pods/portforward", namespace: pod.namespace, name } as const;
    throw clusterError(cluster.target, action, error);
  }
}

function noListener(): Error {
  return Object.assign(new Error("the pod refuses the connection"), { code: "ECONNREFUSED" });
}

/** undici uses only those parts of a socket that a duplex stream has, but its type asks for all of them. */
function asSocket(tunnel: Duplex): Socket {
  return tunnel as Socket;
}

function secured(tunnel: Duplex, servername: string | undefined): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connectTls({ socket: tunnel, ...(servername ? { servername } : {}) }, () => resolve(socket));
  socket.once("error", reject);
  return promise;
}
