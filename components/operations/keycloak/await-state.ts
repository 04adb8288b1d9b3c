import { type Clock, systemClock } from "../base/clock.ts";
import { RotationError } from "../base/errors.ts";

export interface AwaitOptions<T> {
  /** The state as written, as a clause: `key K is active`. */
  what: string;
  /** What a read shows instead, as a phrase. */
  describe: (found: T) => string;
  /** Milliseconds that the nodes get. Default: 10000. */
  timeoutMs?: number;
  /** Milliseconds between two reads. Default: 250. */
  intervalMs?: number;
  /**
   * Good reads in a row that are enough. One proves that the write is in the database; several are likely to have
   * reached every node. Default: 1.
   */
  readsInARow?: number;
  /** The error where no read showed the state. Default: NODES_DISAGREE. */
  neverSeen?: (last: T) => RotationError;
  /** The error where some reads showed it, and not enough of them. Default: NODES_DISAGREE. */
  seenAtTimes?: (counts: { good: number; all: number }, last: T | undefined) => RotationError;
  /** Default: the system's. */
  clock?: Clock;
}

/** What the reads so far have shown. */
interface Reads<T> {
  good: number;
  inARow: number;
  /** The last read that showed another state. */
  other?: T;
  others: number;
  failure?: RotationError;
}

/**
 * Waits after a write until Keycloak shows it. Behind a balancer, a node that has not heard of the write yet shows the
 * old state for a moment, which is nobody's doing; where it lasts, the nodes are named as the cause.
 *
 * @param read one look; a Keycloak error that it throws is another bad read and not the end
 * @returns what the last read showed
 * @throws {RotationError} NODES_DISAGREE, what `neverSeen` or `seenAtTimes` says, or the last read's error where none
 *   came through
 */
export async function awaitState<T>(
  read: () => Promise<T>,
  isAsWritten: (found: T) => boolean,
  options: AwaitOptions<T>,
): Promise<T> {
  const { timeoutMs = 10_000, intervalMs = 250, readsInARow = 1, clock = systemClock } = options;
  const deadline = clock.now() + timeoutMs;
  const reads: Reads<T> = { good: 0, inARow: 0, others: 0 };
  for (;;) {
    const found = await readOnce(read, reads);
    if (found && isAsWritten(found.value)) {
      reads.good += 1;
      reads.inARow += 1;
      if (reads.inARow >= readsInARow) return found.value;
    } else {
      reads.inARow = 0;
      if (found) Object.assign(reads, { other: found.value, others: reads.others + 1 });
    }
    if (clock.now() >= deadline) throw giveUp(reads, timeoutMs, options);
    await clock.delay(Math.min(intervalMs, deadline - clock.now()));
  }
}

async function readOnce<T>(read: () => Promise<T>, reads: Reads<T>): Promise<{ value: T } | undefined> {
  try {
    return { value: await read() };
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    reads.failure = error;
    return undefined;
  }
}

function giveUp<T>(
  { good, other, others, failure }: Reads<T>,
  timeoutMs: number,
  { what, describe, neverSeen, seenAtTimes }: AwaitOptions<T>,
): RotationError {
  if (good + others === 0 && failure) return failure;
  if (good === 0 && other !== undefined && neverSeen) return neverSeen(other);
  if (good > 0 && seenAtTimes) return seenAtTimes({ good, all: good + others }, other);
  const shown = other === undefined ? "" : ` (${describe(other)})`;
  return new RotationError(
    "NODES_DISAGREE",
    `Keycloak nodes disagree: ${good} of ${good + others} reads in ${timeoutMs / 1000} s show that ${what}, ${others} do not${shown}`,
    {
      nextStep:
        "clear the realm cache of the Keycloak node that is behind, or restart it, then run the same up again",
    },
  );
}
