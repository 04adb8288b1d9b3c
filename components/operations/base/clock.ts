import { setTimeout as sleep } from "node:timers/promises";

/** Time as the program sees it; tests bring their own, so that they need not wait. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now: () => number;
  delay: (ms: number) => Promise<void>;
}

export const systemClock: Clock = { now: () => Date.now(), delay: (ms) => sleep(ms) };
