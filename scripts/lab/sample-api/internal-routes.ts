import { bearerOf, sameSecret } from "./bearer.ts";
import type { Exchange } from "./exchange.ts";
import type { Instance } from "./instance.ts";

/** The operations that exist only where INTERNAL_JWKS_REFRESH_TOKEN is configured. */
export async function serveInternal(exchange: Exchange, instance: Instance): Promise<void> {
  const token = instance.config.INTERNAL_JWKS_REFRESH_TOKEN;
  if (token === undefined) return exchange.answer(404, { error: "not_found" });
  const given = bearerOf(exchange.request);
  // `wrong-token`: this instance has been given another one.
  const known = instance.behaviour !== "wrong-token" && given !== undefined && sameSecret(given, token);
  if (!known) return exchange.answer(401, { error: "invalid_token" }, { "www-authenticate": "Bearer" });
  const { method, path } = exchange;
  const sid = /^\/internal\/auth\/deny-list\/([^/]+)$/.exec(path)?.[1];
  if (path === "/internal/auth/jwks/refresh" && method === "POST") return serveRefresh(exchange, instance);
  if (sid !== undefined && (method === "PUT" || method === "DELETE"))
    return serveDenyList(exchange, instance, sid);
  if (path === "/internal/admin/freeze" && (method === "PUT" || method === "DELETE"))
    return serveFreeze(exchange, instance);
  exchange.answer(404, { error: "not_found" });
}

async function serveDenyList(exchange: Exchange, instance: Instance, encoded: string): Promise<void> {
  const sid = decodeURIComponent(encoded);
  if (instance.behaviour !== "ignore-deny-list")
    await instance.passOn({ kind: "deny-list", sid, denied: exchange.method === "PUT" });
  exchange.answer(204);
}

async function serveFreeze(exchange: Exchange, instance: Instance): Promise<void> {
  if (instance.behaviour !== "ignore-freeze")
    await instance.passOn({ kind: "freeze", frozen: exchange.method === "PUT" });
  exchange.answer(204);
}

async function serveRefresh(exchange: Exchange, instance: Instance): Promise<void> {
  const { behaviour, cache } = instance;
  switch (behaviour) {
    case "keep-cache":
      return exchange.answer(204);
    case "hang":
      return exchange.leaveOpen();
    case "error-500":
      return exchange.answer(500, { error: "internal_error" });
    case "redirect":
      return exchange.answer(307, undefined, { location: `${instance.redirectUrl}${exchange.path}` });
    case "refuse":
      exchange.reset();
      return instance.refuseConnections();
    case "lie-kids":
      return exchange.answer(200, { kids: await cache.publishedKids(), fetchedAt: new Date().toISOString() });
    default:
      return refresh(exchange, instance);
  }
}

async function refresh(exchange: Exchange, instance: Instance): Promise<void> {
  try {
    await instance.passOn({ kind: "refresh" });
  } catch (error) {
    instance.log.info(`JWKS refresh failed: ${(error as Error).message}`);
    return exchange.answer(502, { error: "jwks_unreachable" });
  }
  const { kids, fetchedAt } = instance.cache;
  exchange.answer(200, { kids, fetchedAt });
}
