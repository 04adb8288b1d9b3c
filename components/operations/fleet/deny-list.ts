import pLimit from "p-limit";
import { listNames } from "../base/list-names.ts";
import {
  type CalledFleet,
  type CalledInstance,
  type CalledInstances,
  callInstances,
} from "./call-instances.ts";
import type { OpenInstance } from "./instances.ts";
import {
  type Called,
  type CallResult,
  callEveryProcess,
  type InternalAccess,
  isTokenRefused,
} from "./internal-call.ts";

/** Sessions for the deny-list. */
export interface DenyList {
  /** Path of the operation, without the session id. Default: `/internal/auth/deny-list`. */
  path: string;
  /** Session ids, the `sid` claim of their tokens. */
  sids: readonly string[];
}

/** `deny`: put on the deny-list. `allow`: taken off it. */
export type DenyWish = "deny" | "allow";

/** The result for all sessions on one instance; the reason says how many and which could not be changed, and why. */
export type DeniedInstance = CalledInstance;

/**
 * Puts sessions on the deny-list of every instance, or takes them off: instances side by side, and sessions too. Never
 * throws: a failure is a result. A 2xx is the instance's word.
 *
 * @param progress shows a line to the user
 */
export function denySessions(
  fleet: CalledFleet,
  list: DenyList,
  wanted: DenyWish,
  progress: (line: string) => void,
): Promise<CalledInstances> {
  const options = { concurrency: fleet.refresh.concurrency, readyTimeoutMs: 0, progress };
  return callInstances(fleet.targets, options, (instance) => denyOn(instance, fleet, list, wanted));
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
  access: InternalAccess,
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
    const patience = first ? { ...access, refresh: { ...access.refresh, attempts: 1 } } : access;
    const result = await denyOne(instance, patience, { path, sid }, wanted);
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
  { refresh, apiRefreshTokens }: InternalAccess,
  { path, sid }: { path: string; sid: string },
  wanted: DenyWish,
): Promise<Called> {
  // As part of a path, these name another operation, encoded or not.
  if (/^\.{0,2}$/.test(sid)) return { outcome: "failed", attempts: 0, reason: `"${sid}" is no session id` };
  const method = wanted === "deny" ? "PUT" : "DELETE";
  const call = { method, path: `${path}/${encodeURIComponent(sid)}`, operation: "deny-list" } as const;
  return callEveryProcess(instance, call, refresh, apiRefreshTokens);
}

function concernsAll(result: Called): boolean {
  const isUnanswered = result.status === undefined && result.attempts > 0;
  return result.outcome === "unsupported" || isTokenRefused(result) || isUnanswered;
}
