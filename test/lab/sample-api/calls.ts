import { request } from "undici";
import { type Fleet, type FleetInstance, startFleet } from "../../../scripts/lab/fleet.ts";

export const apiRefreshToken = "test-refresh-token";
export const refreshPath = "/internal/auth/jwks/refresh";

/** A fleet of one instance, and that instance. */
export async function startLone(issuer: string): Promise<{ fleet: Fleet; api: FleetInstance }> {
  const fleet = await startFleet({ count: 1, issuer, apiRefreshToken });
  const [api] = fleet.instances;
  if (!api) throw new Error("no instance");
  return { fleet, api };
}

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: unknown;
}

/** One call of an instance. undici's request follows no redirect. */
export async function call(
  { url }: Pick<FleetInstance, "url">,
  method: "GET" | "POST" | "PUT" | "DELETE",
  path: string,
  token?: string,
  timeoutMs = 10_000,
): Promise<Answer> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const signal = AbortSignal.timeout(timeoutMs);
  const answer = await request(`${url}${path}`, { method, headers, signal });
  const text = await answer.body.text();
  return {
    status: answer.statusCode,
    headers: answer.headers,
    body: text === "" ? undefined : JSON.parse(text),
  };
}

export function refresh(
  instance: Pick<FleetInstance, "url">,
  token: string = apiRefreshToken,
): Promise<Answer> {
  return call(instance, "POST", refreshPath, token);
}

/** The status of the probe path for a token. */
export async function probe(instance: Pick<FleetInstance, "url">, token: string): Promise<number> {
  return (await call(instance, "GET", "/api/me", token)).status;
}
