import { setTimeout as delay } from "node:timers/promises";
import { Agent, type Dispatcher, EnvHttpProxyAgent, request } from "undici";
import type { NotifyMessage } from "./messages.ts";
import { isLoopback, type NotifySettings } from "./notify-shape.ts";

/** Result of sending a message. Of the webhook's URL it holds only the host. */
export type NotifyOutcome =
  | { kind: "sent"; host: string; attempts: number; status: number }
  | { kind: "failed"; host: string; attempts: number; reason: string; status?: number };

/** Limits for sending one message. */
export interface NotifyTiming {
  /** Default: 3. */
  attempts: number;
  /** For one attempt, in milliseconds. Default: 5000. */
  timeoutMs: number;
  /** For all attempts together, waiting included, in milliseconds. Default: 20 000. */
  wholeMs: number;
  /** Wait before the second attempt, in milliseconds; doubles with each attempt, plus up to a quarter of jitter. Default: 500. */
  backoffMs: number;
  /** Longest `Retry-After` that is honoured, in milliseconds; after a longer one there is no further attempt. Default: 10 000. */
  longestRetryAfterMs: number;
}

export const defaultTiming: NotifyTiming = {
  attempts: 3,
  timeoutMs: 5_000,
  wholeMs: 20_000,
  backoffMs: 500,
  longestRetryAfterMs: 10_000,
};

interface Attempt {
  isSent: boolean;
  status?: number;
  reason: string;
  /** Wait that the receiver asks for, in milliseconds. */
  retryAfterMs?: number | undefined;
  /** Whether another attempt may succeed. */
  isPassing: boolean;
}

/**
 * Posts a message to the webhook, and again with backoff while another attempt may succeed: without an answer, on 408,
 * 429 and 5xx. Redirects are not followed, because the URL is a secret. Never throws: a failure is an outcome.
 *
 * @param signal aborts all attempts
 */
export async function notify(
  { url }: Pick<NotifySettings, "url">,
  message: NotifyMessage,
  timing: NotifyTiming = defaultTiming,
  signal?: AbortSignal,
): Promise<NotifyOutcome> {
  const { host, hostname } = new URL(url);
  const whole = AbortSignal.any([AbortSignal.timeout(timing.wholeMs), ...(signal ? [signal] : [])]);
  // A corporate network may allow outgoing requests only through a proxy; loopback is never behind one.
  const dispatcher = isLoopback(hostname) ? new Agent() : new EnvHttpProxyAgent();
  try {
    for (let attempts = 1; ; attempts += 1) {
      const { isSent, status, reason, ...rest } = await post({ url, message, dispatcher }, timing, whole);
      if (isSent && status !== undefined) return { kind: "sent", host, attempts, status };
      const failed = { kind: "failed", host, attempts, reason, ...(status ? { status } : {}) } as const;
      const waitMs = nextWaitMs(rest, attempts, timing);
      if (waitMs === undefined || !(await pause(waitMs, whole))) return failed;
    }
  } finally {
    dispatcher.destroy().catch(() => undefined);
  }
}

/** One line about a failed message. Of the URL it holds only the host. */
export function describeFailure({ host, attempts, reason }: NotifyOutcome & { kind: "failed" }): string {
  const count = attempts === 1 ? "1 attempt" : `${attempts} attempts`;
  return `warning: ${host} did not accept the message (${reason}, ${count}); the rotation continues. Next: check notify.url and that host`;
}

async function post(
  { url, message, dispatcher }: { url: string; message: NotifyMessage; dispatcher: Dispatcher },
  { timeoutMs }: NotifyTiming,
  whole: AbortSignal,
): Promise<Attempt> {
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const { statusCode, headers, body } = await request(url, {
      method: "POST",
      headers: { "content-type": "application/json; charset=utf-8" },
      body: JSON.stringify(message),
      dispatcher,
      signal: AbortSignal.any([timeout, whole]),
    });
    // Only the status counts, so the body is not read: it might never end.
    body.on("error", () => undefined).destroy();
    return read(statusCode, headers["retry-after"]);
  } catch (error) {
    const reason = timeout.aborted ? `no answer within ${timeoutMs} ms` : reasonOf(error);
    return { isSent: false, reason, isPassing: true };
  }
}

function read(status: number, retryAfter: string | string[] | undefined): Attempt {
  const isSent = status >= 200 && status < 300;
  const isPassing = status >= 500 || status === 429 || status === 408;
  const redirect = status >= 300 && status < 400 ? ", a redirect, not followed" : "";
  return { isSent, status, reason: `HTTP ${status}${redirect}`, isPassing, retryAfterMs: readMs(retryAfter) };
}

/** `Retry-After` as seconds or as a date. */
function readMs(header: string | string[] | undefined): number | undefined {
  const text = Array.isArray(header) ? header[0] : header;
  if (text === undefined) return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

function nextWaitMs(
  { isPassing, retryAfterMs = 0 }: Pick<Attempt, "isPassing" | "retryAfterMs">,
  attempts: number,
  timing: NotifyTiming,
): number | undefined {
  if (!isPassing || attempts >= timing.attempts) return undefined;
  if (retryAfterMs > timing.longestRetryAfterMs) return undefined;
  const backoff = timing.backoffMs * 2 ** (attempts - 1) * (1 + Math.random() / 4);
  return Math.max(backoff, retryAfterMs);
}

/** Whether the whole time has passed. */
async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await delay(ms, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}

/** Only the code: messages of failed requests may hold the URL. */
function reasonOf(error: unknown): string {
  const inner = error instanceof AggregateError ? error.errors[0] : error;
  const code = inner instanceof Error && "code" in inner ? inner.code : undefined;
  return typeof code === "string" && /^[A-Z0-9_]+$/.test(code)
    ? `connection failed: ${code}`
    : "connection failed";
}
