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

/** Sent by the parent later: how the instances answer from now on. */
export interface InstancesChange {
  acceptedTokens: string[];
  /** Whether each says that it is a single process (`JWKS-Process: x; of=1`). */
  named: boolean;
}

/** Answers a change: what the instances were sent since the one before. */
export interface InstancesSeen {
  connections: number;
  requests: number;
}

interface State {
  answers: Record<"refreshed" | "accepted" | "refused", Buffer>;
  /** Whole `Authorization` headers. A comparison of strings instead of a JOSE library, for the same reason as raw sockets. */
  accepted: ReadonlySet<string>;
  seen: InstancesSeen;
}

function stateOf(kids: string[], { acceptedTokens, named }: InstancesChange): State {
  const headers = named ? ["jwks-process: x; of=1"] : [];
  const json = (status: string, body: object) => answer(status, JSON.stringify(body), headers);
  return {
    answers: {
      refreshed: json("200 OK", { kids, fetchedAt: new Date().toISOString() }),
      accepted: json("200 OK", { sub: "service-account-probe", realm: "bench" }),
      refused: json("401 Unauthorized", { error: "invalid_token" }),
    },
    accepted: new Set(acceptedTokens.map((token) => `Bearer ${token}`)),
    seen: { connections: 0, requests: 0 },
  };
}

/** @param current the state that all instances share */
function serve(apiRefreshToken: string, current: () => State): (socket: Socket) => void {
  const refresh = `Bearer ${apiRefreshToken}`;
  const connected = answerRequests((head) => {
    const { answers, accepted, seen } = current();
    seen.requests += 1;
    const bearer = authorizationOf(head) ?? "";
    if (head.startsWith("POST ")) return bearer === refresh ? answers.refreshed : answers.refused;
    return accepted.has(bearer) ? answers.accepted : answers.refused;
  });
  return (socket) => {
    current().seen.connections += 1;
    connected(socket);
  };
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

async function start(request: InstancesRequest, current: () => State): Promise<InstancesReady> {
  const connected = serve(request.apiRefreshToken, current);
  const first = await listen(connected, loopbackAddress(0), 0);
  // One port for all: each port that listens is one that the client's kernel can't use as a source port.
  const port = Number(new URL(first).port);
  const urls = [first];
  while (urls.length < request.count) urls.push(await listenAnywhere(connected, urls.length, port));
  return { urls };
}

process.once("message", async (request: InstancesRequest) => {
  let state = stateOf(request.kids, { acceptedTokens: [request.acceptedToken], named: false });
  process.send?.(await start(request, () => state));
  process.on("message", (change: InstancesChange) => {
    const { seen } = state;
    state = stateOf(request.kids, change);
    process.send?.(seen);
  });
});
process.once("disconnect", () => process.exit());
