import type { Exchange } from "./exchange.ts";
import type { Instance } from "./instance.ts";
import { serveInternal } from "./internal-routes.ts";
import { serveUser } from "./user-routes.ts";

/** Answers one request. */
export function serve(exchange: Exchange, instance: Instance): void {
  route(exchange, instance).catch((error: Error) => {
    instance.log.info(`${exchange.method} ${exchange.path} failed: ${error.message}`);
    exchange.answer(500, { error: "internal_error" });
  });
}

async function route(exchange: Exchange, instance: Instance): Promise<void> {
  const { path } = exchange;
  if (path === "/healthz") return exchange.answer(instance.ready ? 200 : 503, { ready: instance.ready });
  if (path.startsWith("/internal/")) return serveInternal(exchange, instance);
  if (path.startsWith("/api/")) return serveUser(exchange, instance);
  exchange.answer(404, { error: "not_found" });
}
