import type { StuckReason } from "./pod-reasons.ts";
import type { RolloutStatus } from "./rollout-status.ts";
import { isReady, type WorkloadPods } from "./workload-pods.ts";

/** One look at a roll-out. */
export interface Look {
  status: RolloutStatus;
  pods: WorkloadPods;
}

/** Whether every pod is new and none of the old ones is left. */
export function isOver({ status, pods }: Look): boolean {
  return status.settled && pods.old.length === 0;
}

/** How far a roll-out is, in numbers. */
export function describeLook({ status: { wanted, updated }, pods: { fresh, old } }: Look): string {
  const ready = fresh.filter(isReady).length;
  const news = `${updated} of ${wanted} pods new${ready < updated ? `, ${ready} of them ready` : ""}`;
  return old.length > 0 ? `${news}, ${old.length} old left` : news;
}

/** The shortest time between two lines of numbers. */
const lineMs = 1_000;

/**
 * Makes a function that is called with every look at a roll-out and shows what is new in it: the numbers when they have
 * changed, at most once a second, and each reason once.
 *
 * @param subject what is rolled out, for the front of each line
 * @param now milliseconds. Default: the clock's
 */
export function rolloutProgress(
  subject: string,
  progress: (line: string) => void,
  now: () => number = Date.now,
): (numbers: string, reasons: readonly StuckReason[]) => void {
  const shownReasons = new Set<string>();
  let shown = "";
  let shownAt = Number.NEGATIVE_INFINITY;
  return (numbers, reasons) => {
    for (const { key, text } of reasons) {
      if (!shownReasons.has(key)) progress(`${subject}: ${text}`);
      shownReasons.add(key);
    }
    if (numbers === shown || now() - shownAt < lineMs) return;
    progress(`${subject}: ${numbers}`);
    shown = numbers;
    shownAt = now();
  };
}
