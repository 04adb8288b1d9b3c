import { type CalledInstance, type CalledInstances, callInstances } from "./call-instances.ts";
import type { OpenInstance } from "./instances.ts";
import { type CallResult, type CallSettings, callInternal, resultOf } from "./internal-call.ts";
import type { SweepOptions } from "./sweep.ts";
import { readyTimeoutMs, type Target } from "./targets.ts";

/** What came of freezing, or thawing, one instance. */
export type FrozenInstance = CalledInstance;

/** `freeze`: administrators' writes are refused. `thaw`: they are taken again. */
export type FreezeWish = "freeze" | "thaw";

/** How the freeze operation is called. */
export interface FreezeSettings extends CallSettings {
  /** Default: `/internal/admin/freeze`. */
  path: string;
}

/**
 * Has every instance refuse administrators' writes, or take them again. Never throws: a failure is a result. A 2xx is
 * the instance's word.
 *
 * A freeze does not wait for pods that are not ready, because the key that may be stolen is still alive; the standing
 * orders reach them later. A thaw waits for them, and asks them even if they never get ready, so that none stays frozen
 * unnoticed.
 *
 * @param progress lines that can be shown
 */
export function freezeInstances(
  targets: readonly Target[],
  settings: FreezeSettings,
  apiRefreshTokens: readonly string[],
  wanted: FreezeWish,
  progress: (line: string) => void,
): Promise<CalledInstances> {
  const { concurrency } = settings;
  const wait: Omit<SweepOptions, "concurrency"> =
    wanted === "freeze"
      ? { readyTimeoutMs: 0, patienceMs: 5_000 }
      : { readyTimeoutMs: readyTimeoutMs(targets), overdue: "ask" };
  return callInstances(targets, { concurrency, progress, ...wait }, (instance) =>
    freezeOn(instance, settings, apiRefreshTokens, wanted),
  );
}

/** Freezes or thaws one instance. Never throws: a failure is a result. */
export async function freezeOn(
  instance: OpenInstance,
  settings: Omit<FreezeSettings, "concurrency">,
  apiRefreshTokens: readonly string[],
  wanted: FreezeWish,
): Promise<CallResult> {
  const method = wanted === "freeze" ? "PUT" : "DELETE";
  const call = { method, path: settings.path, operation: "freeze" } as const;
  return resultOf(await callInternal(instance, call, settings, apiRefreshTokens));
}

/** What is frozen in an emergency; `release` thaws what a red run has left frozen. */
export type Freeze = "none" | "api" | "keycloak" | "both" | "release";
