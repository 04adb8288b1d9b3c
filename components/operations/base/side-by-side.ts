import { setTimeout as delay } from "node:timers/promises";

/** How far a realm of this process's run is. */
interface Progress {
  /** Phases under way. */
  running: number;
  /** Nothing of it is still to come. */
  finished: boolean;
  /** When a phase last began or ended, milliseconds. */
  seenAt: number;
}

const realms = new Map<string, Progress>();

/** For how long a realm may be silent before it is no longer waited for, in milliseconds. */
const silenceMs = 20_000;

/** The realms that are rotated in one run; all of their phases run in one process. */
export interface SideBySide {
  realm: string;
  /** All of them, this one too. */
  realms: readonly string[];
}

/** Notes that a phase of a realm is under way for as long as the work takes. */
export async function underWay<T>({ realm }: SideBySide, work: () => Promise<T>): Promise<T> {
  const progress = progressOf(realm);
  Object.assign(progress, { running: progress.running + 1, finished: false, seenAt: Date.now() });
  try {
    return await work();
  } finally {
    Object.assign(progress, { running: progress.running - 1, seenAt: Date.now() });
  }
}

/** Notes that nothing of a realm is still to come, because its last phase is done or has nothing to do. */
export function finished({ realm }: Pick<SideBySide, "realm">): void {
  Object.assign(progressOf(realm), { finished: true, seenAt: Date.now() });
}

/**
 * Waits until every other realm has come to its end. An engine stops the whole run at the first failure, and the other
 * realms' keys would live on because of one: so a failure is reported when they are through. A realm of which nothing
 * is heard for long is not waited for: an engine that runs one thing at a time would wait for ever.
 *
 * @param patienceMs for how long a realm may be silent. Default: 20 000
 */
export async function afterTheOthers(run: SideBySide, patienceMs = silenceMs): Promise<void> {
  finished(run);
  const since = Date.now();
  const isPending = (realm: string) => {
    const { running, finished: isDone, seenAt } = progressOf(realm);
    return !isDone && (running > 0 || Date.now() - Math.max(since, seenAt) < patienceMs);
  };
  while (run.realms.some((realm) => realm !== run.realm && isPending(realm))) await delay(50);
}

function progressOf(realm: string): Progress {
  const known = realms.get(realm);
  if (known) return known;
  const fresh = { running: 0, finished: false, seenAt: 0 };
  realms.set(realm, fresh);
  return fresh;
}
