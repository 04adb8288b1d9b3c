/** The shortest time between two lines of numbers, in milliseconds. */
const everyMs = 2_000;

export interface Paced {
  /** Shows a line now or, where one was shown just before, at its time, unless a later one has taken its place. */
  line(text: string): void;
  /** Ends it. A line that waits is shown where it is the last of several that matter, and else dropped. */
  close(end: "show-last" | "drop"): void;
}

export interface Pace {
  /** Milliseconds between two lines. Default: 2000. */
  everyMs?: number;
  /** Whether the first line waits too, so that what is done at once says nothing. Default: false. */
  isFirstHeld?: boolean;
}

/** Shows the latest of many lines at a rate that a terminal and a CI log can bear. */
export function paceLines(show: (line: string) => void, pace: Pace = {}): Paced {
  let shownAt = pace.isFirstHeld ? Date.now() : Number.NEGATIVE_INFINITY;
  let waiting: string | undefined;
  let shown: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  const flush = () => {
    timer = undefined;
    if (waiting === undefined || waiting === shown) return;
    [shown, shownAt, waiting] = [waiting, Date.now(), undefined];
    show(shown);
  };
  return {
    line: (text) => {
      waiting = text;
      const waitMs = shownAt + (pace.everyMs ?? everyMs) - Date.now();
      if (waitMs <= 0) flush();
      // A line is no reason for a process to live on.
      else timer ??= setTimeout(flush, waitMs).unref();
    },
    close: (end) => {
      clearTimeout(timer);
      if (end === "show-last" && shown !== undefined) flush();
    },
  };
}

/** Counts instances while they are worked on. */
export interface Tally {
  /** How many a target has, as far as is known now. */
  expect(target: string, count: number, noun: string): void;
  /** Whether an instance is asked again because it did not answer as it should. */
  retrying(id: string, is: boolean): void;
  done(id: string): void;
  close(): void;
}

/**
 * Shows how far a piece of work on many instances is, as `37/50 pods, 2 retrying`: every two seconds, and at the end. Work
 * that takes less than that says nothing.
 */
export function openTally(show: (line: string) => void): Tally {
  const paced = paceLines(show, { isFirstHeld: true });
  const expected = new Map<string, { count: number; noun: string }>();
  const [finished, again] = [new Set<string>(), new Set<string>()];
  const tell = () => {
    const totals = [...expected.values()];
    const total = totals.reduce((sum, { count }) => sum + count, 0);
    const [noun, ...others] = new Set(totals.map((one) => one.noun));
    const what = others.length === 0 ? noun : "instances";
    paced.line(`${finished.size}/${total} ${what}${again.size > 0 ? `, ${again.size} retrying` : ""}`);
  };
  return {
    expect: (target, count, noun) => void expected.set(target, { count, noun }),
    retrying: (id, is) => {
      if (is) again.add(id);
      else again.delete(id);
      tell();
    },
    done: (id) => {
      finished.add(id);
      again.delete(id);
      tell();
    },
    close: () => paced.close("show-last"),
  };
}

/** Lines that come at once, such as those of a few keys, are all shown. */
const burst = 20;

/** Lets single lines through, up to twenty at once and then one every two seconds, and counts those that it leaves out. */
export class LineBudget {
  #left = burst;
  #refilledAt = Date.now();
  #leftOut = 0;

  /** The line to show; undefined where it is left out. */
  take(line: string): string | undefined {
    const earned = Math.floor((Date.now() - this.#refilledAt) / everyMs);
    this.#left = Math.min(burst, this.#left + earned);
    this.#refilledAt += earned * everyMs;
    if (this.#left > 0) {
      this.#left -= 1;
      return this.close(line);
    }
    this.#leftOut += 1;
    return undefined;
  }

  /** A line that must be shown, and with it how many were left out before. */
  close(line: string): string {
    const said = this.#leftOut > 0 ? `${line} (${this.#leftOut} left out before this)` : line;
    this.#leftOut = 0;
    return said;
  }
}
