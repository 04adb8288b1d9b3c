import {
  type CalledFleet,
  type CalledInstance,
  type CalledInstances,
  callInstances,
} from "./call-instances.ts";
import type { OpenInstance } from "./instances.ts";
import { type CallResult, callEveryProcess, type InternalAccess, resultOf } from "./internal-call.ts";
import type { SweepOptions } from "./sweep.ts";
import { readyTimeoutMs } from "./targets.ts";

/** The result of freezing, or thawing, one instance. */
export type FrozenInstance = CalledInstance;

/** `freeze`: administrators' writes are refused. `thaw`: they are accepted again. */
export type FreezeWish = "freeze" | "thaw";

/**
 * Makes every instance refuse administrators' writes, or accept them again. Never throws: a failure is a result. A 2xx
 * is only the instance's claim.
 *
 * A freeze does not wait for pods that are not ready, because the key that may be stolen is still alive; the standing
 * orders reach them later. A thaw waits for them, and asks them even if they never get ready, so that none stays frozen
 * unnoticed.
 *
 * @param path path of the freeze operation. Default: `/internal/admin/freeze`
 * @param progress shows a line to the user
 */
export function freezeInstances(
  fleet: CalledFleet,
  path: string,
  wanted: FreezeWish,
  progress: (line: string) => void,
): Promise<CalledInstances> {
  const { concurrency } = fleet.refresh;
  const wait: Omit<SweepOptions, "concurrency"> =
    wanted === "freeze"
      ? { readyTimeoutMs: 0, patienceMs: 5_000 }
      : { readyTimeoutMs: readyTimeoutMs(fleet.targets), overdue: "ask" };
  return callInstances(fleet.targets, { concurrency, progress, ...wait }, (instance) =>
    freezeOn(instance, fleet, path, wanted),
  );
}

/** Freezes or thaws one instance. Never throws: a failure is a result. */
export async function freezeOn(
  instance: OpenInstance,
  { refresh, apiRefreshTokens }: InternalAccess,
  path: string,
  wanted: FreezeWish,
): Promise<CallResult> {
  const method = wanted === "freeze" ? "PUT" : "DELETE";
  const call = { method, path, operation: "freeze" } as const;
  return resultOf(await callEveryProcess(instance, call, refresh, apiRefreshTokens));
}

/** What is frozen in an emergency; `release` thaws what a failed run has left frozen. */
export type Freeze = "none" | "api" | "keycloak" | "both" | "release";
