import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer, type Server } from "node:net";
import { answer, answerRequests, authorizationOf } from "../raw-http.ts";

/** Sent by the parent: how many pods to be, and the tokens that they know. */
export interface PodsRequest {
  count: number;
  apiRefreshToken: string;
  /** Accepted after a refresh. */
  freshToken: string;
  /** Accepted until a refresh. */
  canaryTokens: string[];
  /** What a refresh answers with. */
  kids: string[];
}

/** Sent to the parent when every pod listens. */
export interface PodsReady {
  addresses: { host: string; port: number }[];
  /** `POST` there makes every pod forget its refresh; `GET` gives {@link PodsSeen}. */
  controlUrl: string;
}

/** What the pods saw since the last reset. */
export interface PodsSeen {
  /** When each of them first refused a canary, by `Date.now()` with fractions; null where it has not. */
  refusedAt: (number | null)[];
}

interface PodState {
  /** Each pod has a cache of its own. */
  refreshed: boolean;
  refusedAt: number | null;
}

function serve(request: PodsRequest, state: PodState): Server {
  const [fresh, refresh] = [`Bearer ${request.freshToken}`, `Bearer ${request.apiRefreshToken}`];
  const canaries = new Set(request.canaryTokens.map((token) => `Bearer ${token}`));
  const answers = {
    refreshed: answer("200 OK", JSON.stringify({ kids: request.kids, fetchedAt: new Date().toISOString() })),
    accepted: answer("200 OK", JSON.stringify({ sub: "service-account-probe", realm: "bench" })),
    refused: answer("401 Unauthorized", JSON.stringify({ error: "invalid_token" })),
  };
  const respond = (head: string): Buffer => {
    const bearer = authorizationOf(head) ?? "";
    if (head.startsWith("POST ")) {
      if (bearer !== refresh) return answers.refused;
      state.refreshed = true;
      return answers.refreshed;
    }
    if (!canaries.has(bearer))
      return bearer === fresh && state.refreshed ? answers.accepted : answers.refused;
    if (!state.refreshed) return answers.accepted;
    state.refusedAt ??= performance.timeOrigin + performance.now();
    return answers.refused;
  };
  return createServer(answerRequests(respond));
}

function control(states: readonly PodState[]) {
  return ({ method }: IncomingMessage, response: ServerResponse) => {
    if (method === "POST") for (const state of states) Object.assign(state, untouched);
    const seen: PodsSeen = { refusedAt: states.map(({ refusedAt }) => refusedAt) };
    response.end(JSON.stringify(seen));
  };
}

const untouched: PodState = { refreshed: false, refusedAt: null };

async function listen(server: Server): Promise<{ host: string; port: number }> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject).listen({ host: "127.0.0.1", port: 0 }, resolve);
  await promise;
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no TCP address");
  return { host: address.address, port: address.port };
}

async function start(request: PodsRequest): Promise<PodsReady> {
  const states = Array.from({ length: request.count }, () => ({ ...untouched }));
  const addresses = await Promise.all(states.map((state) => listen(serve(request, state))));
  const { host, port } = await listen(createHttpServer(control(states)));
  return { addresses, controlUrl: `http://${host}:${port}` };
}

process.once("message", async (request: PodsRequest) => {
  process.send?.(await start(request));
});
process.once("disconnect", () => process.exit());
