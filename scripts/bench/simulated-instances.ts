import { createServer, type Server, type Socket } from "node:net";
import { answer, answerRequests, authorizationOf } from "./raw-http.ts";

/** Sent by the parent: how many instances to be, and the tokens to accept. */
export interface InstancesRequest {
  count: number;
  acceptedToken: string;
  apiRefreshToken: string;
  /** What a refresh answers with. */
  kids: string[];
}

/** Sent to the parent when every instance listens. */
export interface InstancesReady {
  urls: string[];
}

/** A comparison of strings instead of a JOSE library, for the same reason as raw sockets. */
function serve({ acceptedToken, apiRefreshToken, kids }: InstancesRequest): (socket: Socket) => void {
  const [accepted, refresh] = [`Bearer ${acceptedToken}`, `Bearer ${apiRefreshToken}`];
  const answers = {
    refreshed: answer("200 OK", JSON.stringify({ kids, fetchedAt: new Date().toISOString() })),
    accepted: answer("200 OK", JSON.stringify({ sub: "service-account-probe", realm: "bench" })),
    refused: answer("401 Unauthorized", JSON.stringify({ error: "invalid_token" })),
  };
  return answerRequests((head) => {
    const bearer = authorizationOf(head);
    if (head.startsWith("POST ")) return bearer === refresh ? answers.refreshed : answers.refused;
    return bearer === accepted ? answers.accepted : answers.refused;
  });
}

/** 127.0.0.1, 127.0.0.2 … 127.0.1.1 …: every address of 127/8 is loopback on Linux. */
function loopbackAddress(index: number): string {
  return `127.${Math.floor(index / 62_500)}.${Math.floor(index / 250) % 250}.${(index % 250) + 1}`;
}

async function listenAnywhere(connected: (socket: Socket) => void, index: number, port: number) {
  try {
    return await listen(connected, loopbackAddress(index), port);
  } catch {
    // Where only 127.0.0.1 is loopback (macOS, BSD), or the port is taken there: another port makes the origin distinct.
    return listen(connected, "127.0.0.1", 0);
  }
}

async function listen(connected: (socket: Socket) => void, host: string, port: number): Promise<string> {
  const server: Server = createServer(connected);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject).listen({ host, port, backlog: 64 }, resolve);
  await promise;
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no TCP address");
  return `http://${address.address}:${address.port}`;
}

async function start(request: InstancesRequest): Promise<InstancesReady> {
  const connected = serve(request);
  const first = await listen(connected, loopbackAddress(0), 0);
  // One port for all: each port that listens is one that the client's kernel can't use as a source port.
  const port = Number(new URL(first).port);
  const urls = [first];
  while (urls.length < request.count) urls.push(await listenAnywhere(connected, urls.length, port));
  return { urls };
}

process.once("message", async (request: InstancesRequest) => {
  process.send?.(await start(request));
});
process.once("disconnect", () => process.exit());
