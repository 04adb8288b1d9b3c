import type { JWTPayload } from "jose";
import { z } from "zod";
import { bearerOf } from "./bearer.ts";
import type { Exchange } from "./exchange.ts";
import type { Instance } from "./instance.ts";
import { verifyToken } from "./verify-token.ts";

const keycloakClaims = z.object({
  sid: z.string().optional(),
  realm_access: z.object({ roles: z.array(z.string()) }).optional(),
});

/** The operations for people: `GET /api/me`, and those of administrators below `/api/admin`. */
export async function serveUser(exchange: Exchange, instance: Instance): Promise<void> {
  const { behaviour, redirectUrl } = instance;
  if (behaviour === "probe-500") return exchange.answer(500, { error: "internal_error" });
  if (behaviour === "probe-hang") return exchange.leaveOpen();
  if (behaviour === "probe-redirect") {
    return exchange.answer(307, undefined, { location: `${redirectUrl}${exchange.path}` });
  }
  const claims = await claimsOf(exchange, instance);
  if (claims === undefined) return rejectToken(exchange);
  const isAdmin = /^\/api\/admin(\/|$)/.test(exchange.path);
  const isMe = exchange.path === "/api/me" && exchange.method === "GET";
  if (!isAdmin && !isMe) return exchange.answer(404, { error: "not_found" });
  const refusal = isAdmin ? adminRefusal(exchange.method, instance, claims) : undefined;
  if (refusal) return exchange.answer(refusal.status, { error: refusal.error });
  exchange.answer(200, { sub: claims.sub, instance: instance.config.INSTANCE_NAME });
}

function rejectToken(exchange: Exchange): void {
  exchange.answer(401, { error: "invalid_token" }, { "www-authenticate": 'Bearer error="invalid_token"' });
}

async function claimsOf(exchange: Exchange, instance: Instance): Promise<JWTPayload | undefined> {
  const token = bearerOf(exchange.request);
  if (token === undefined) return undefined;
  const { ISSUER: issuer, AUDIENCE: audience } = instance.config;
  try {
    return await verifyToken(token, { issuer, audience }, instance.cache, instance.behaviour);
  } catch {
    return undefined;
  }
}

/** Administrators' reads are the probe of the deny-list; their writes are what a freeze refuses. */
function adminRefusal(
  method: string,
  { config, denied, frozen }: Instance,
  claims: JWTPayload,
): { status: number; error: string } | undefined {
  const { sid, realm_access } = keycloakClaims.catch({}).parse(claims);
  if ([sid, claims.jti].some((id) => id !== undefined && denied.has(id)))
    return { status: 403, error: "session_denied" };
  if (!realm_access?.roles.includes(config.ADMIN_ROLE)) return { status: 403, error: "role_missing" };
  const reads = method === "GET" || method === "HEAD";
  return frozen && !reads ? { status: 423, error: "admin_frozen" } : undefined;
}
