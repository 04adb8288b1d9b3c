import type { ServerResponse } from "node:http";
import type { TestContext } from "node:test";
import type { Clock } from "#operations/base/clock";
import { KeycloakAdmin } from "#operations/keycloak/keycloak-admin";
import { type LoopbackServer, type Received, sendJson, serve } from "./loopback-server.ts";
import { connectionTo } from "./samples.ts";

/** Answers of single paths; everything else is 404. The login works unless it is given. */
export type Routes = Record<string, (response: ServerResponse, request: Received, count: number) => void>;

/** A clock whose pauses are over at once, and are noted. */
export interface InstantClock extends Clock {
  /** The pauses so far, in milliseconds. */
  delays: number[];
  /** Lets time pass without a pause. */
  pass: (ms: number) => void;
}

/** Time stands still but for pauses and what is passed. */
export function instantClock(): InstantClock {
  let now = Date.UTC(2026, 0, 1);
  const delays: number[] = [];
  const pass = (ms: number): void => {
    now += ms;
  };
  const delay = async (ms: number): Promise<void> => {
    delays.push(ms);
    pass(ms);
  };
  return { now: () => now, delay, delays, pass };
}

/**
 * Plays the few endpoints of Keycloak that a test is about, with a client logged in to it.
 *
 * @param options the client's clock, default: one whose pauses are over at once; and its time limit
 */
export async function keycloakStandIn(
  t: TestContext,
  routes: Routes,
  { clock = instantClock(), timeoutMs }: { clock?: Clock; timeoutMs?: number } = {},
): Promise<{ admin: KeycloakAdmin; server: LoopbackServer }> {
  const all: Routes = { "/realms/master/protocol/openid-connect/token": login, ...routes };
  const counts = new Map<string, number>();
  const server = await serve(t, (response, request) => {
    const path = request.url.split("?")[0] ?? "";
    counts.set(path, (counts.get(path) ?? 0) + 1);
    const route = all[path];
    if (route) route(response, request, counts.get(path) ?? 0);
    else response.writeHead(404).end();
  });
  const connection = { ...connectionTo(server.url), ...(timeoutMs === undefined ? {} : { timeoutMs }) };
  return { admin: new KeycloakAdmin(connection, "shop", { clock }), server };
}

function login(response: ServerResponse): void {
  sendJson(response, 200, { access_token: adminToken({}) });
}

/** An admin token as the program sees it: it reads the claims and leaves the signature to Keycloak. */
export function adminToken(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "RS256" })}.${part({ azp: "admin", ...claims })}.c2lnbmF0dXJl`;
}
