import { backoffMs } from "../base/backoff.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { type HttpAnswer, NoAnswerError } from "../base/http.ts";

/** How often a request may be sent. */
export interface Patience {
  /** The most attempts. Default: 4. */
  attempts?: number;
  /** Milliseconds after which no further attempt begins. */
  totalMs: number;
  /** Default: the system's. */
  clock?: Clock;
}

/** What came of the last attempt. */
export interface Attempted {
  outcome: HttpAnswer | NoAnswerError;
  attempts: number;
}

const defaultAttempts = 4;

/**
 * Time for all attempts of a request: two that get no answer, or a few that fail at once.
 *
 * @param timeoutMs time for one attempt
 */
export function totalTime(timeoutMs: number): number {
  return Math.max(2 * timeoutMs, 3_000);
}

/**
 * Sends a request, and again after a short pause for as long as another attempt may help.
 *
 * @param send one attempt, of which it is given the number; a {@link NoAnswerError} that it throws is an outcome
 * @param mayRepeat asked with an outcome that is not final: whether the request may be sent again. Default: yes
 */
export async function sendPatiently(
  send: (attempt: number) => Promise<HttpAnswer>,
  { attempts: most = defaultAttempts, totalMs, clock = systemClock }: Patience,
  mayRepeat: (outcome: HttpAnswer | NoAnswerError) => boolean | Promise<boolean> = () => true,
): Promise<Attempted> {
  const startedAt = clock.now();
  for (let attempts = 1; ; attempts += 1) {
    const outcome = await outcomeOf(() => send(attempts));
    if (!isPassing(outcome) || !(await mayRepeat(outcome))) return { outcome, attempts };
    // Half of what other calls wait: a realm without its new key, or with its old one, waits for these.
    const pauseMs = backoffMs(attempts) / 2;
    if (attempts >= most || clock.now() + pauseMs - startedAt >= totalMs) return { outcome, attempts };
    await clock.delay(pauseMs);
  }
}

async function outcomeOf(send: () => Promise<HttpAnswer>): Promise<HttpAnswer | NoAnswerError> {
  try {
    return await send();
  } catch (error) {
    if (error instanceof NoAnswerError) return error;
    throw error;
  }
}

/** Whether the next attempt may fare better: a proxy or a node that fails for a moment, not an answer that says no. */
export function isPassing(outcome: HttpAnswer | NoAnswerError): boolean {
  return outcome instanceof NoAnswerError ? outcome.kind !== "unusable" : outcome.status >= 500;
}

/** Whether the request can't have had an effect, because no connection was made. */
export function wasNeverSent(outcome: HttpAnswer | NoAnswerError): boolean {
  return outcome instanceof NoAnswerError && outcome.kind === "unreached";
}
