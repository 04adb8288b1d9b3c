import { setTimeout as pause } from "node:timers/promises";

const retryMs = 200;

/** The HTTP status that the API server refused a call with; undefined where it did not answer. */
export function refusalStatus(error: unknown): number | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === "number" ? code : undefined;
}

/**
 * Calls the API server until it answers: it may be restarting.
 *
 * @throws its refusal (4xx, but 429), or the signal's reason
 */
export async function persistently<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await call();
    } catch (error) {
      const status = refusalStatus(error);
      if (status !== undefined && status < 500 && status !== 429) throw error;
      await pause(retryMs, undefined, { signal });
    }
  }
}
