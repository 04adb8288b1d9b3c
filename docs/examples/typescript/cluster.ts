// node:cluster: a refresh reaches one worker, and is answered when every worker has fetched the keys anew. The rest of the
// contract is as in server.ts. Needs jose, and Node 22.19 or later.
import cluster, { type Worker } from "node:cluster";
import { createHash, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTPayload, jwtVerify } from "jose";

const {
  HOST = "127.0.0.1", // in a pod 0.0.0.0: it is called by its own address
  PORT = "8080",
  ISSUER = "",
  AUDIENCE,
  INTERNAL_JWKS_REFRESH_TOKEN: apiRefreshToken,
  WORKERS = "4",
} = process.env;
const jwksUri = process.env.JWKS_URI ?? `${ISSUER}/protocol/openid-connect/certs`;
const maxAgeMs = 600_000;
const cooldownMs = 30_000;

interface Message {
  ask?: number;
  done?: number;
  failed?: string;
}
/** A worker for the primary, `process` for a worker. */
interface Peer {
  send?(message: Message): boolean;
  on(event: "message", listener: (message: Message) => void): unknown;
  removeListener(event: "message", listener: (message: Message) => void): unknown;
}
let asked = 0;

/** Asks the process at the other end to refresh. Resolves when it has. */
function askFor(peer: Peer): Promise<void> {
  asked += 1;
  const ask = asked;
  return new Promise((resolve, reject) => {
    const listen = ({ done, failed }: Message) => {
      if (done !== ask) return;
      peer.removeListener("message", listen);
      if (failed === undefined) resolve();
      else reject(new Error(failed));
    };
    peer.on("message", listen);
    peer.send?.({ ask });
  });
}

/** Does a refresh whenever the process at the other end asks for one. */
function serveAsks(peer: Peer, refresh: () => Promise<void>): void {
  peer.on("message", ({ ask }: Message) => {
    if (ask === undefined) return;
    refresh().then(
      () => peer.send?.({ done: ask }),
      (error: Error) => peer.send?.({ done: ask, failed: error.message }),
    );
  });
}

/** Each resolves when its worker serves, or has ended. */
const started = new Map<Worker, Promise<unknown>>();

function startWorker(): void {
  const worker = cluster.fork();
  started.set(worker, Promise.race([once(worker, "listening"), once(worker, "exit")]));
  serveAsks(worker, refreshAll);
  worker.once("exit", () => {
    started.delete(worker);
    setTimeout(startWorker, 1_000);
  });
}

/** In the primary. A worker that is starting may have fetched before the call: it is asked, too, once it serves. */
async function refreshAll(): Promise<void> {
  const ask = async ([worker, start]: [Worker, Promise<unknown>]) => {
    await start;
    // One that has ended has no keys left.
    if (!worker.isDead()) await Promise.race([askFor(worker), once(worker, "exit")]);
  };
  await Promise.all([...started].map(ask));
}

let keys = createLocalJWKSet({ keys: [] });
let kids: string[] = [];
let triedAt = 0;
let fetches: Promise<unknown> = Promise.resolve();

/** In this worker, as in server.ts: the fetch begins after the call, one after the other. */
function refresh(): Promise<void> {
  triedAt = Date.now();
  const mine = fetches.then(fetchKeys);
  fetches = mine.catch(() => {});
  return mine;
}

async function fetchKeys(): Promise<void> {
  const response = await fetch(jwksUri, { redirect: "error", signal: AbortSignal.timeout(5_000) });
  if (response.status !== 200) throw new Error(`the JWKS answered ${response.status}`);
  const set = (await response.json()) as JSONWebKeySet;
  keys = createLocalJWKSet(set);
  kids = set.keys.flatMap(({ kid }) => kid ?? []);
}

async function verify(token: string): Promise<JWTPayload> {
  try {
    return await check(token);
  } catch (error) {
    if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
    await (Date.now() - triedAt > cooldownMs ? refresh() : fetches);
    return check(token);
  }
}

async function check(token: string): Promise<JWTPayload> {
  const rules = { issuer: ISSUER, ...(AUDIENCE === undefined ? {} : { audience: AUDIENCE }) };
  const algorithms = ["RS256", "PS256", "ES256", "EdDSA"]; // never `none`, never HS*
  return (await jwtVerify(token, keys, { ...rules, algorithms, requiredClaims: ["exp", "sub"] })).payload;
}

async function answerTo(request: IncomingMessage): Promise<[number, object]> {
  const bearer = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1] ?? "";
  if (request.method === "POST" && request.url === "/internal/auth/jwks/refresh") {
    if (!apiRefreshToken) return [404, { error: "not_found" }];
    if (!same(bearer, apiRefreshToken)) return [401, { error: "invalid_token" }];
    return askFor(process).then(
      () => [200, { kids }],
      () => [502, { error: "jwks_unreachable" }],
    );
  }
  if (request.url !== "/api/me") return [404, { error: "not_found" }];
  return verify(bearer).then(
    ({ sub }) => [200, { sub }],
    () => [401, { error: "invalid_token" }],
  );
}

/** In constant time: hashes are of equal length, whatever was sent. */
function same(given: string, expected: string): boolean {
  const hash = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(given), hash(expected));
}

function logFailure(error: Error): void {
  console.error(`JWKS fetch failed: ${error.message}`);
}

async function runWorker(): Promise<void> {
  serveAsks(process, refresh);
  while (kids.length === 0) {
    await refresh().catch(logFailure);
    if (kids.length === 0) await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
  console.log(`JWKS bootstrap ok kids=${JSON.stringify(kids)}`);
  setInterval(() => refresh().catch(logFailure), maxAgeMs);
  const name = `"${process.pid}-${Math.round(performance.timeOrigin)}"; of=${WORKERS}`;
  const server = createServer(async (request, response) => {
    request.resume();
    const [status, body] = await answerTo(request);
    response.writeHead(status, { "content-type": "application/json", "JWKS-Process": name });
    response.end(JSON.stringify(body));
  });
  server.listen(Number(PORT), HOST, () => {
    console.log(`listening on http://${HOST}:${(server.address() as AddressInfo).port}`);
  });
}

if (cluster.isPrimary) for (let count = 0; count < Number(WORKERS); count += 1) startWorker();
else await runWorker();
