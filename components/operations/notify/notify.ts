import { setTimeout as delay } from "node:timers/promises";
import { Agent, type Dispatcher, EnvHttpProxyAgent, request } from "undici";
import type { NotifyMessage } from "./messages.ts";
import { isLoopback, type NotifySettings } from "./notify-shape.ts";

/** What came of a message. Holds nothing of the webhook's URL but its host. */
export type NotifyOutcome =
  | { kind: "sent"; host: string; attempts: number; status: number }
  | { kind: "failed"; host: string; attempts: number; reason: string; status?: number };

/** How long is tried. All in milliseconds but the attempts. */
export interface NotifyTiming {
  /** Default: 3. */
  attempts: number;
  /** For one attempt. Default: 5000. */
  timeoutMs: number;
  /** For all of it, the waiting too. Default: 20 000. */
  wholeMs: number;
  /** Before the second attempt; doubles with each, with up to a quarter of jitter. Default: 500. */
  backoffMs: number;
  /** The longest `Retry-After` that is waited out; where more is asked, there is no further attempt. Default: 10 000. */
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
  /** Milliseconds that the receiver asks for, where it does. */
  retryAfterMs?: number | undefined;
  /** Whether another attempt may help. */
  isPassing: boolean;
}

/**
 * Posts a message to the webhook, and again with backoff while another attempt may help: without an answer, on 408, 429
 * and 5xx. Redirects are not followed, for the URL is a secret. Never throws: a failure is an outcome.
 *
 * @param signal ends it early
 */
export async function notify(
  { url }: Pick<NotifySettings, "url">,
  message: NotifyMessage,
  timing: NotifyTiming = defaultTiming,
  signal?: AbortSignal,
): Promise<NotifyOutcome> {
  const { host, hostname } = new URL(url);
  const whole = AbortSignal.any([AbortSignal.timeout(timing.wholeMs), ...(signal ? [signal] : [])]);
  // A corporate network may let nothing out but through a proxy; loopback is never behind one.
  const dispatcher = isLoopback(hostname) ? new Agent() : new EnvHttpProxyAgent();
  try {
    for (let attempts = 1; ; attempts += 1) {
      const { isSent, status, reason, ...rest } = await post(url, message, dispatcher, timing, whole);
      if (isSent && status !== undefined) return { kind: "sent", host, attempts, status };
      const failed = { kind: "failed", host, attempts, reason, ...(status ? { status } : {}) } as const;
      const waitMs = nextWaitMs(rest, attempts, timing);
      if (waitMs === undefined || !(await pause(waitMs, whole))) return failed;
    }
  } finally {
    dispatcher.destroy().catch(() => undefined);
  }
}

/** What a failed message is told as: one line, in which nothing of the URL is but its host. */
export function describeFailure({ host, attempts, reason }: NotifyOutcome & { kind: "failed" }): string {
  const tries = attempts === 1 ? "1 try" : `${attempts} tries`;
  return `warning: ${host} did not take the message (${reason}, ${tries}); the rotation goes on without it. Next: check notify.url and that host`;
}

async function post(
  url: string,
  message: NotifyMessage,
  dispatcher: Dispatcher,
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
    // The status is all that counts, so a body that never ends is not waited for.
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

/** Whether the time was waited out. */
async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await delay(ms, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}

/** A code only: messages of a failed request may hold the URL. */
function reasonOf(error: unknown): string {
  const inner = error instanceof AggregateError ? error.errors[0] : error;
  const code = inner instanceof Error && "code" in inner ? inner.code : undefined;
  return typeof code === "string" && /^[A-Z0-9_]+$/.test(code)
    ? `connection failed: ${code}`
    : "connection failed";
}
