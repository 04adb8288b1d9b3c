import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import type { SampleApiConfig } from "./config.ts";
import type { Instance } from "./instance.ts";

const retryMs = 250;
const discovery = z.object({ jwks_uri: z.url() });

/** JWKS_URI, or what the issuer's discovery document says (asked until it answers). */
export async function findJwksUri(
  config: SampleApiConfig,
  onFailure: (reason: string) => void,
): Promise<URL> {
  if (config.JWKS_URI !== undefined) return new URL(config.JWKS_URI);
  const url = `${config.ISSUER.replace(/\/$/, "")}/.well-known/openid-configuration`;
  return persist(async () => {
    const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
    return new URL(discovery.parse(await response.json()).jwks_uri);
  }, onFailure);
}

/** Fetches the key set until that has worked once, and says so in the log: the proof of a good start. */
export async function bootstrapKeys(instance: Instance): Promise<void> {
  const { cache, log } = instance;
  await persist(
    () => cache.refresh(),
    (reason) => log.info(`JWKS bootstrap failed: ${reason}`),
  );
  log.info(`JWKS bootstrap ok kids=${JSON.stringify(cache.kids)}`);
  instance.ready = true;
}

async function persist<T>(action: () => Promise<T>, onFailure: (reason: string) => void): Promise<T> {
  for (;;) {
    try {
      return await action();
    } catch (error) {
      onFailure((error as Error).message);
      await pause(retryMs);
    }
  }
}
