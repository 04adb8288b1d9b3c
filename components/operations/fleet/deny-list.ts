import pLimit from "p-limit";
import { listNames } from "../base/list-names.ts";
import { type CalledInstance, type CalledInstances, callInstances } from "./call-instances.ts";
import type { OpenInstance } from "./instances.ts";
import {
  type Called,
  type CallResult,
  type CallSettings,
  callInternal,
  isTokenRefused,
} from "./internal-call.ts";
import type { Target } from "./targets.ts";

/** Sessions for the deny-list. */
export interface DenyList {
  /** Path of the operation, without the session's id. Default: `/internal/auth/deny-list`. */
  path: string;
  /** Session ids, the `sid` claim of their tokens. */
  sids: readonly string[];
}

/** `deny`: put on the deny-list. `allow`: taken off it. */
export type DenyWish = "deny" | "allow";

/** What came of all sessions on one instance; the reason says how many and which could not be changed, and why. */
export type DeniedInstance = CalledInstance;

/**
 * Puts sessions on the deny-list of every instance, or takes them off: instances side by side, and sessions too. Never
 * throws: a failure is a result. A 2xx is the instance's word.
 *
 * @param progress lines that can be shown
 */
export function denySessions(
  targets: readonly Target[],
  settings: CallSettings,
  apiRefreshTokens: readonly string[],
  list: DenyList,
  wanted: DenyWish,
  progress: (line: string) => void,
): Promise<CalledInstances> {
  const options = { concurrency: settings.concurrency, readyTimeoutMs: 0, progress };
  return callInstances(targets, options, (instance) =>
    denyOn(instance, settings, apiRefreshTokens, list, wanted),
  );
}

/** Sessions sent to one instance at a time; how many of them are under way at once is its connection's affair. */
const sessionsAtOnce = 8;

/**
 * Puts sessions on one instance's deny-list, or takes them off: the first alone, the others side by side. One that fails
 * does not cost the others their try; what would fail for all of them alike is tried once, or by those that are under
 * way. Never throws: a failure is a result.
 */
export async function denyOn(
  instance: OpenInstance,
  settings: Omit<CallSettings, "concurrency">,
  apiRefreshTokens: readonly string[],
  { path, sids }: DenyList,
  wanted: DenyWish,
): Promise<CallResult> {
  const failed: string[] = [];
  let first: Called | undefined;
  let isHopeless = false;
  const send = async (sid: string): Promise<void> => {
    if (isHopeless) {
      failed.push(sid);
      return;
    }
    // Where one was not to be had by any number of attempts, the next gets a single one.
    const patience = first ? { ...settings, attempts: 1 } : settings;
    const result = await denyOne(instance, patience, apiRefreshTokens, { path, sid }, wanted);
    if (result.outcome === "done") return;
    first ??= result;
    isHopeless ||= concernsAll(result);
    failed.push(sid);
  };
  const [alone, ...others] = sids;
  if (alone !== undefined) await send(alone);
  await pLimit(sessionsAtOnce).map(others, send);
  if (!first) return { outcome: "done" };
  const which = `${failed.length} of ${sids.length} sessions (${listNames(failed)})`;
  return {
    outcome: first.outcome,
    reason: sids.length > 1 ? `${which}: ${first.reason}` : `${first.reason}`,
  };
}

async function denyOne(
  instance: OpenInstance,
  settings: Omit<CallSettings, "concurrency">,
  apiRefreshTokens: readonly string[],
  { path, sid }: { path: string; sid: string },
  wanted: DenyWish,
): Promise<Called> {
  // As part of a path, these name another operation, encoded or not.
  if (/^\.{0,2}$/.test(sid)) return { outcome: "failed", attempts: 0, reason: `"${sid}" is no session id` };
  const method = wanted === "deny" ? "PUT" : "DELETE";
  const call = { method, path: `${path}/${encodeURIComponent(sid)}`, operation: "deny-list" } as const;
  return callInternal(instance, call, settings, apiRefreshTokens);
}

function concernsAll(result: Called): boolean {
  const isUnanswered = result.status === undefined && result.attempts > 0;
  return result.outcome === "unsupported" || isTokenRefused(result) || isUnanswered;
}
