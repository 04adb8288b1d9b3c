import { once } from "node:events";
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * How a request fails. `status`: answered by the proxy, as by one that does not reach the server. `reset`: the
 * connection breaks before the request is passed on. `lost-answer`: it breaks after the request had its effect.
 * `delay`: the request is passed on, and its answer is held back.
 */
export type Fault =
  | { kind: "status"; status: number }
  | { kind: "reset" }
  | { kind: "lost-answer" }
  | { kind: "delay"; ms: number };

/** A request that came by: no query, header or body, which may hold a secret. */
export interface ProxiedRequest {
  method: string;
  path: string;
}

export interface FaultProxyOptions {
  /** What a held answer waits for. Default: a timer. */
  delay?: (ms: number) => Promise<unknown>;
}

export interface FaultProxy {
  url: string;
  /** The requests since the last fault was set, in their order. */
  readonly requests: readonly ProxiedRequest[];
  /** Whether the fault that was set has taken place. */
  readonly hasFailed: boolean;
  /**
   * Makes the n-th request from now on fail, once.
   *
   * @param n 1 is the next one
   */
  failOnce: (n: number, fault: Fault) => void;
  /** From now on each request that matches fails. */
  failWhere: (matches: (request: ProxiedRequest) => boolean, fault: Fault) => void;
  stop: () => Promise<void>;
}

interface State {
  requests: ProxiedRequest[];
  planned: { n: number; fault: Fault } | undefined;
  standing: { matches: (request: ProxiedRequest) => boolean; fault: Fault } | undefined;
  hasFailed: boolean;
}

/** A reverse proxy on a free loopback port, to see what a program does when its server fails for a moment. */
export async function startFaultProxy(
  target: string,
  { delay = sleep }: FaultProxyOptions = {},
): Promise<FaultProxy> {
  const state: State = { requests: [], planned: undefined, standing: undefined, hasFailed: false };
  const agent = new Agent({ keepAlive: true });
  const server = createServer((incoming, response) => {
    const { method = "", url = "" } = incoming;
    const request = { method, path: url.split("?")[0] ?? "" };
    state.requests.push(request);
    const fault = faultNow(state, request);
    if (fault?.kind === "status") refuse(incoming, response, fault.status);
    else if (fault?.kind === "reset") incoming.socket.resetAndDestroy();
    else passOn(incoming, response, { target, agent, delay, fault });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get requests() {
      return state.requests;
    },
    get hasFailed() {
      return state.hasFailed;
    },
    failOnce: (n, fault) => Object.assign(state, { requests: [], planned: { n, fault }, hasFailed: false }),
    failWhere: (matches, fault) => Object.assign(state, { requests: [], standing: { matches, fault } }),
    stop: async () => {
      agent.destroy();
      server.close();
      server.closeAllConnections();
      if (server.listening) await once(server, "close");
    },
  };
}

function faultNow(state: State, request: ProxiedRequest): Fault | undefined {
  if (state.standing?.matches(request)) return state.standing.fault;
  if (state.hasFailed || state.planned?.n !== state.requests.length) return undefined;
  state.hasFailed = true;
  return state.planned.fault;
}

function refuse(incoming: IncomingMessage, response: ServerResponse, status: number): void {
  incoming.resume().once("end", () => response.writeHead(status).end());
}

interface Way {
  target: string;
  agent: Agent;
  delay: (ms: number) => Promise<unknown>;
  fault: Fault | undefined;
}

function passOn(
  incoming: IncomingMessage,
  response: ServerResponse,
  { target, agent, delay, fault }: Way,
): void {
  const { method, headers, url = "/" } = incoming;
  const outgoing = request(new URL(url, target), { method, headers, agent }, async (answer) => {
    if (fault?.kind === "lost-answer") {
      answer.resume().once("end", () => incoming.socket.resetAndDestroy());
      return;
    }
    if (fault?.kind === "delay") await delay(fault.ms);
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  outgoing.once("error", () => {
    if (response.headersSent) response.destroy();
    else response.writeHead(502).end();
  });
  incoming.pipe(outgoing);
}
