import { setTimeout as delay } from "node:timers/promises";
import { backoffMs } from "../base/backoff.ts";
import { exchange, NoAnswerError } from "../base/http.ts";
import type { Attributes, OpenSpan } from "../telemetry/span.ts";
import { inSpan } from "../telemetry/telemetry.ts";
import { instanceUrl, type OpenInstance } from "./instances.ts";
import { processHeader, readProcessName } from "./process-name.ts";
import { onEveryProcess, type Reached, reachedBy, unreachedProcesses } from "./processes.ts";

/** How an instance's internal operations are called. */
export interface CallSettings {
  /** How often an instance is asked at most. Default: 4. */
  attempts: number;
  /** Milliseconds for one attempt. Default: 5000. */
  timeoutMs: number;
  /** Instances worked on at a time. Default: 16. */
  concurrency: number;
}

type Timing = Pick<CallSettings, "attempts" | "timeoutMs">;

/** What it takes to call the internal operations of one instance. A fleet has it all. */
export interface InternalAccess {
  refresh: Timing;
  /** Secret. The tokens that the instance may have: while a new one is rolled out, some instances have the one before. */
  apiRefreshTokens: readonly string[];
}

/** What the body of a 2xx says, and why that is not good enough yet, if it is not. */
export interface Reading<T> {
  found: T;
  objection?: string | undefined;
}

/** One of the instance's internal operations. */
export interface InternalCall<T = never> {
  method: "POST" | "PUT" | "DELETE";
  path: string;
  /** Its name in reasons, as `freeze`. Default: none. */
  operation?: string;
  /** Reads the body of a 2xx; if it objects, the call is repeated. Default: any 2xx is enough. */
  read?: (body: string) => Reading<T>;
}

/** The result of a call. `unsupported`: the instance answers that it has no such operation. Holds no secret. */
export interface CallResult {
  outcome: "done" | "unsupported" | "failed";
  /** Why it is not done. */
  reason?: string;
}

/** The same, and what led to it. */
export interface Called<T = never> extends CallResult {
  attempts: number;
  /** HTTP status of the last answer; absent if the last attempt got no answer. */
  status?: number;
  found?: T;
}

type Attempt<T> = Omit<Called<T>, "attempts"> & { isFinal: boolean };

/**
 * Calls one internal operation of an instance, and repeats it with backoff while another attempt may help: if there is
 * no answer, on 429, on 5xx, and on an objection to the answer. Never throws: a failure is a result.
 *
 * @param apiRefreshTokens the tokens that the instance may have: while a new one is rolled out, some instances have the
 *   one before
 */
export async function callInternal<T = never>(
  instance: OpenInstance,
  call: InternalCall<T>,
  settings: Timing,
  apiRefreshTokens: readonly string[],
): Promise<Called<T>> {
  const name = call.operation ?? "internal call";
  return inSpan(
    name,
    () => spanOf(instance, call),
    async (span) => {
      const called = await callPatiently(instance, call, settings, apiRefreshTokens);
      tell(span, called);
      return called;
    },
  );
}

/** The same on each of an instance's processes, as far as they can be told apart. */
export interface CalledProcesses<T = never> extends Called<T> {
  /** Absent where there is one process, or only one was called. */
  reached?: Reached;
}

/**
 * Calls one internal operation on each of an instance's processes. It is done where each of them has done it, and each that
 * is announced has answered. Never throws: a failure is a result.
 */
export async function callEveryProcess<T = never>(
  instance: OpenInstance,
  call: InternalCall<T>,
  settings: Timing,
  apiRefreshTokens: readonly string[],
): Promise<CalledProcesses<T>> {
  const answers = await onEveryProcess(
    instance,
    (line) => callInternal(line, call, settings, apiRefreshTokens),
    ({ outcome }) => outcome !== "done",
  );
  const [first] = answers;
  if (answers.length === 1) return first.value;
  const reached = reachedBy(answers);
  const failed = answers.filter(({ value }) => value.outcome !== "done").map(({ value }) => value);
  const [worst] = failed;
  if (worst) {
    const reason = `${worst.reason} (over ${failed.length} of ${answers.length} connections)`;
    return { ...worst, reason, reached };
  }
  const reason = unreachedProcesses(reached);
  return { ...first.value, ...(reason === undefined ? {} : { outcome: "failed", reason }), reached };
}

async function callPatiently<T>(
  instance: OpenInstance,
  call: InternalCall<T>,
  settings: Timing,
  apiRefreshTokens: readonly string[],
): Promise<Called<T>> {
  for (let attempts = 1; ; attempts += 1) {
    const { isFinal, ...result } = await callWithAny(instance, call, settings.timeoutMs, apiRefreshTokens);
    if (isFinal || attempts >= settings.attempts) {
      instance.retrying?.(false);
      return { ...result, attempts };
    }
    instance.retrying?.(true);
    await delay(backoffMs(attempts));
  }
}

/** Paths of the deny-list end in a session id, which does not belong in a trace. */
function spanOf(instance: OpenInstance, { method, path, operation }: InternalCall<unknown>): Attributes {
  const shown = operation === "deny-list" ? path.replace(/[^/]+$/, "{sid}") : path;
  return {
    "http.request.method": method,
    "url.full": instanceUrl(instance, shown),
    "jwks.instance": instance.name,
  };
}

function tell(span: OpenSpan, { attempts, status, outcome }: Called<unknown>): void {
  span.set({
    "http.response.status_code": status,
    "http.request.resend_count": attempts > 1 ? attempts - 1 : undefined,
    "jwks.outcome": outcome,
  });
  if (outcome === "failed") span.fail(status === undefined ? "no_answer" : String(status));
}

async function callWithAny<T>(
  instance: OpenInstance,
  call: InternalCall<T>,
  timeoutMs: number,
  apiRefreshTokens: readonly string[],
): Promise<Attempt<T>> {
  let attempt: Attempt<T> = { outcome: "failed", reason: "there is no API refresh token", isFinal: true };
  for (const token of apiRefreshTokens) {
    attempt = await callOnce(instance, call, timeoutMs, token);
    if (!isTokenRefused(attempt)) break;
  }
  return attempt;
}

/** The part of a call's result that is kept. */
export function resultOf({ outcome, reason }: CallResult): CallResult {
  return reason === undefined ? { outcome } : { outcome, reason };
}

/** Whether the instance has refused all tokens that it may have, and so would refuse them in any other call. */
export function isTokenRefused({ status }: Pick<Called, "status">): boolean {
  return status === 401 || status === 403;
}

async function callOnce<T>(
  instance: OpenInstance,
  call: InternalCall<T>,
  timeoutMs: number,
  token: string,
): Promise<Attempt<T>> {
  try {
    const { status, body, headers } = await exchange(instanceUrl(instance, call.path), {
      method: call.method,
      headers: { authorization: `Bearer ${token}` },
      timeoutMs,
      dispatcher: instance.dispatcher,
    });
    const process = readProcessName(headers[processHeader]);
    // An instance could put anything there, even the token that it was shown.
    if (!process?.name.includes(token)) instance.heard?.(process);
    return status >= 200 && status < 300 ? readBody(status, body, call) : refused(status, call);
  } catch (error) {
    if (!(error instanceof NoAnswerError)) throw error;
    return { outcome: "failed", reason: error.message, isFinal: false };
  }
}

function readBody<T>(status: number, body: string, { read }: InternalCall<T>): Attempt<T> {
  if (!read) return { outcome: "done", status, isFinal: true };
  const { found, objection } = read(body);
  if (objection === undefined) return { outcome: "done", status, found, isFinal: true };
  return { outcome: "failed", status, found, reason: objection, isFinal: false };
}

function refused<T>(status: number, { operation }: InternalCall<T>): Attempt<T> {
  const isFinal = status < 500 && status !== 429;
  if (status === 404) {
    const what = operation === undefined ? "this operation" : `the ${operation} operation`;
    const reason = `HTTP 404: the instance does not expose ${what}`;
    return { outcome: "unsupported", status, reason, isFinal };
  }
  const reason = refusals[status] ?? (status < 400 ? "a redirect, not followed" : "an unexpected status");
  return { outcome: "failed", status, reason: `HTTP ${status}: ${reason}`, isFinal };
}

const refusals: Record<number, string> = {
  401: "the instance does not accept this API refresh token",
  403: "the instance does not accept this API refresh token",
  429: "the instance asks the caller to wait",
};
