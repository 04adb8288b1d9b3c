import { setTimeout as sleep } from "node:timers/promises";

/** Time as the program sees it; tests bring their own, so that they need not wait. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now: () => number;
  /** @param signal ends the pause early */
  delay: (ms: number, signal?: AbortSignal) => Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  delay: async (ms, signal) => {
    try {
      await sleep(ms, undefined, signal ? { signal } : {});
    } catch (error) {
      if (!signal?.aborted) throw error;
    }
  },
};
