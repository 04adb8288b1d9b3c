import type { StuckReason } from "./pod-reasons.ts";

/** The shortest time between two lines of numbers. */
const lineMs = 1_000;

/**
 * Makes a function that is told of every look at a roll-out, and shows what is new: the numbers when they have changed,
 * at most once a second, and each reason once.
 *
 * @param subject what is rolled out, for the front of each line
 * @param now milliseconds. Default: the clock's
 */
export function rolloutProgress(
  subject: string,
  progress: (line: string) => void,
  now: () => number = Date.now,
): (numbers: string, reasons: readonly StuckReason[]) => void {
  const told = new Set<string>();
  let shown = "";
  let shownAt = Number.NEGATIVE_INFINITY;
  return (numbers, reasons) => {
    for (const { key, text } of reasons) {
      if (!told.has(key)) progress(`${subject}: ${text}`);
      told.add(key);
    }
    if (numbers === shown || now() - shownAt < lineMs) return;
    progress(`${subject}: ${numbers}`);
    shown = numbers;
    shownAt = now();
  };
}
