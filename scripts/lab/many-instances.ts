import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from "jose";

export interface ManyInstancesOptions {
  count: number;
  /** Of the realm whose tokens they take. */
  issuer: string;
  /** For their refresh operation. */
  apiRefreshToken: string;
  /** Whether each says that it is a single process (`JWKS-Process: "api-1"; of=1`). Default: true. */
  named?: boolean;
}

/** Instances by the hundred in one process, each below a path of its own; they share one key cache. */
export interface ManyInstances {
  instances: { name: string; url: string }[];
  /** Requests answered so far, by `METHOD /path` without the instance's own part. */
  requests: ReadonlyMap<string, number>;
  /** From now on so many of them, the last ones, accept a connection and never answer. */
  hang(count: number): void;
  stop(): Promise<void>;
}

/** Starts instances that cost next to nothing, for what depends on how many there are. They verify with jose. */
export async function startManyInstances(options: ManyInstancesOptions): Promise<ManyInstances> {
  const { count, named = true } = options;
  let hanging = 0;
  const requests = new Map<string, number>();
  const keys = new SharedKeys(options.issuer);
  const server = createServer((request, response) => {
    const [, index = "", path = ""] = /^\/api-(\d+)(\/.*)$/.exec(request.url ?? "") ?? [];
    const key = `${request.method} ${path}`;
    requests.set(key, (requests.get(key) ?? 0) + 1);
    if (named) response.setHeader("JWKS-Process", `"api-${index}"; of=1`);
    if (Number(index) > count - hanging) return;
    answer({ request, response, path, keys, options }).catch(() => response.destroy());
  });
  server.keepAliveTimeout = 60_000;
  server.listen({ port: 0, host: "127.0.0.1", backlog: 4_096 });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const instances = Array.from({ length: count }, (_, index) => ({
    name: `api-${index + 1}`,
    url: `http://127.0.0.1:${port}/api-${index + 1}`,
  }));
  const stop = async () => {
    server.closeAllConnections();
    server.close();
  };
  const hang = (wanted: number) => {
    hanging = wanted;
  };
  return { instances, requests, hang, stop };
}

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  path: string;
  keys: SharedKeys;
  options: ManyInstancesOptions;
}

async function answer({ request, response, path, keys, options }: Exchange): Promise<void> {
  const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
  request.resume();
  if (request.method === "POST" && path === "/internal/auth/jwks/refresh") {
    if (bearer !== options.apiRefreshToken) return send(response, 401, {});
    const { keys: now } = await keys.fetchAnew();
    return send(response, 200, { kids: now.map(({ kid }) => kid), fetchedAt: new Date().toISOString() });
  }
  if (request.method === "PUT" || request.method === "DELETE") {
    response.writeHead(bearer === options.apiRefreshToken ? 204 : 401).end();
    return;
  }
  const isValid = await keys.verifies(bearer);
  return send(response, isValid ? 200 : 401, { realm: options.issuer });
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

/** One key cache for all, that is fetched once for all refreshes that come together. */
class SharedKeys {
  readonly #issuer: string;
  #set: JSONWebKeySet | undefined;
  #fetching: Promise<JSONWebKeySet> | undefined;
  readonly #verdicts = new Map<string, boolean>();

  constructor(issuer: string) {
    this.#issuer = issuer;
  }

  /** A fetch that was started before the call does not count: it may bring the old set. */
  async fetchAnew(): Promise<JSONWebKeySet> {
    await this.#fetching?.catch(() => undefined);
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #fetch(): Promise<JSONWebKeySet> {
    const answer = await fetch(`${this.#issuer}/protocol/openid-connect/certs`);
    this.#set = (await answer.json()) as JSONWebKeySet;
    this.#verdicts.clear();
    return this.#set;
  }

  /** Thousands of instances are shown the same token: its signature is checked once for each set. */
  async verifies(token: string): Promise<boolean> {
    const set = this.#set ?? (await this.fetchAnew());
    const known = this.#verdicts.get(token);
    if (known !== undefined && !isExpired(token)) return known;
    const verdict = await jwtVerify(token, createLocalJWKSet(set), { issuer: this.#issuer }).then(
      () => true,
      () => false,
    );
    this.#verdicts.set(token, verdict);
    return verdict;
  }
}

function isExpired(token: string): boolean {
  try {
    decodeProtectedHeader(token);
    const { exp = 0 } = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as {
      exp?: number;
    };
    return Date.now() / 1000 >= exp;
  } catch {
    return true;
  }
}
