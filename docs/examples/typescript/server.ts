// A small API that forgets a stolen signing key on request: the whole contract of ../../openapi.yaml. Needs jose, and Node 22.19 or later.
import { createHash, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTPayload, jwtVerify } from "jose";

const {
  HOST = "127.0.0.1", // in a pod 0.0.0.0: it is called by its own address
  PORT = "8080",
  ISSUER = "",
  AUDIENCE,
  INTERNAL_JWKS_REFRESH_TOKEN: apiRefreshToken,
} = process.env;
const jwksUri = process.env.JWKS_URI ?? `${ISSUER}/protocol/openid-connect/certs`;
const maxAgeMs = 600_000;
const cooldownMs = 30_000;

// Names this process, which is the only one at its address. A worker of node:cluster or PM2 would say how many there are:
// in node:cluster the primary passes that on in the environment, PM2 has it as `instances`.
const processName = `"${process.pid}-${Math.round(performance.timeOrigin)}"; of=1`;

let keys = createLocalJWKSet({ keys: [] });
let kids: string[] = [];
let [triedAt, fetchedAt] = [0, 0];
let fetches: Promise<unknown> = Promise.resolve();

/**
 * Resolves when the keys have been replaced by a fetch that began after the call. One fetch after the other: a call
 * never joins an earlier one, which may bring the set from before a rotation, and an older set never replaces a newer.
 */
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
  fetchedAt = Date.now();
}

async function verify(token: string): Promise<JWTPayload> {
  const mayFetch = () => Date.now() - triedAt > cooldownMs;
  // A fetch that fails leaves the keys as they were: a short outage of Keycloak does not stop the API.
  if (Date.now() - fetchedAt > maxAgeMs && mayFetch()) await refresh().catch(logFailure);
  try {
    return await check(token);
  } catch (error) {
    if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
    // An unknown kid: one fetch, then none for a while, or anybody could make this API fetch all day.
    await (mayFetch() ? refresh() : fetches);
    return check(token);
  }
}

async function check(token: string): Promise<JWTPayload> {
  const rules = { issuer: ISSUER, ...(AUDIENCE === undefined ? {} : { audience: AUDIENCE }) };
  const algorithms = ["RS256", "PS256", "ES256", "EdDSA"]; // never `none`, never HS*
  const { payload } = await jwtVerify(token, keys, {
    ...rules,
    algorithms,
    clockTolerance: 5,
    requiredClaims: ["exp", "sub"],
  });
  return payload;
}

const denied = new Set<string>();
let frozen = false;

async function serveInternal(request: IncomingMessage, path: string): Promise<[number, object?]> {
  if (!apiRefreshToken) return [404, { error: "not_found" }];
  if (!same(bearer(request), apiRefreshToken)) return [401, { error: "invalid_token" }];
  const [method, isPut] = [request.method, request.method === "PUT"];
  const sid = /^\/internal\/auth\/deny-list\/([^/]+)$/.exec(path)?.[1];
  if (method === "POST" && path === "/internal/auth/jwks/refresh") return serveRefresh();
  if (!isPut && method !== "DELETE") return [404, { error: "not_found" }];
  if (path === "/internal/admin/freeze") frozen = isPut;
  else if (sid !== undefined) denied[isPut ? "add" : "delete"](decodeURIComponent(sid));
  else return [404, { error: "not_found" }];
  return [204];
}

async function serveRefresh(): Promise<[number, object]> {
  try {
    await refresh();
  } catch (error) {
    logFailure(error);
    return [502, { error: "jwks_unreachable" }];
  }
  return [200, { kids, fetchedAt: new Date(fetchedAt).toISOString() }];
}

async function serveUser(request: IncomingMessage, path: string): Promise<[number, object?]> {
  const claims = await verify(bearer(request)).catch(() => undefined);
  if (!claims || (typeof claims.sid === "string" && denied.has(claims.sid)))
    return [401, { error: "invalid_token" }];
  if (path === "/api/me") return [200, { sub: claims.sub }];
  if (path !== "/api/admin") return [404, { error: "not_found" }];
  const { roles = [] } = (claims.realm_access ?? {}) as { roles?: string[] };
  if (!roles.includes("admin")) return [403, { error: "forbidden" }];
  if (frozen && request.method !== "GET") return [423, { error: "admin_frozen" }];
  return [200, { sub: claims.sub }];
}

function bearer(request: IncomingMessage): string {
  return /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1] ?? "";
}

/** In constant time: hashes are of equal length, whatever was sent. */
function same(given: string, expected: string): boolean {
  const hash = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(given), hash(expected));
}

function logFailure(error: unknown): void {
  console.error(`JWKS fetch failed: ${(error as Error).message}`);
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  request.resume();
  const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
  const answer = await (path.startsWith("/internal/") ? serveInternal : serveUser)(request, path);
  const [status, body] = answer;
  const challenge = status === 401 ? { "www-authenticate": 'Bearer error="invalid_token"' } : {};
  response.writeHead(status, { "content-type": "application/json", ...challenge });
  response.end(body && JSON.stringify(body));
}

while (fetchedAt === 0) {
  await refresh().catch(logFailure);
  if (fetchedAt === 0) await new Promise((resolve) => setTimeout(resolve, 1_000));
}
// The proof that a restarted process began with the published keys: the program looks for this line.
console.log(`JWKS bootstrap ok kids=${JSON.stringify(kids)}`);
const server = createServer((request, response) => {
  response.setHeader("JWKS-Process", processName);
  serve(request, response).catch(() => response.writeHead(400).end());
});
server.listen(Number(PORT), HOST, () => {
  console.log(`listening on http://${HOST}:${(server.address() as AddressInfo).port}`);
});
