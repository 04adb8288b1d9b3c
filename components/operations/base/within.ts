import { setTimeout as delay } from "node:timers/promises";

/**
 * What work gives in time. Work that is late goes on unheard: for what must not hold up the disabling of a stolen key.
 *
 * @returns undefined where it is late
 * @throws what the work throws in time
 */
export async function within<T extends object>(ms: number, work: Promise<T>): Promise<T | undefined> {
  work.catch(() => undefined);
  const end = new AbortController();
  const late = delay(Math.max(0, ms), undefined, { signal: end.signal }).catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    end.abort();
  }
}
