import { type DenyList, denyOn } from "./deny-list.ts";
import { freezeOn } from "./freeze-instances.ts";
import type { OpenInstance } from "./instances.ts";
import type { CallSettings } from "./internal-call.ts";

/** What every instance is under while an emergency lasts, also one that has started in the middle of it. */
export interface StandingOrders {
  /** Whether administrators' writes are frozen. */
  freeze: boolean;
  /** Path of the freeze operation. */
  freezePath: string;
  /** The sessions that are denied; none is nothing to do. */
  deny: DenyList;
}

/**
 * Freezes an instance and puts the revoked sessions on its deny-list: both live in the memory of its process, so one
 * that has appeared or was restarted since knows neither. Doing it again where it was done changes nothing.
 *
 * @returns what could not be done, each a phrase that starts with a verb; an operation that the instance lacks too
 */
export async function applyStandingOrders(
  instance: OpenInstance,
  { freeze, freezePath, deny }: StandingOrders,
  settings: Omit<CallSettings, "concurrency">,
  refreshTokens: readonly string[],
): Promise<string[]> {
  const failures: string[] = [];
  if (freeze) {
    const frozen = await freezeOn(instance, { ...settings, path: freezePath }, refreshTokens, "freeze");
    if (frozen.outcome !== "done") failures.push(`can't be frozen (${frozen.reason})`);
  }
  if (deny.sids.length > 0) {
    const denied = await denyOn(instance, settings, refreshTokens, deny, "deny");
    const { failedSids, reason } = denied;
    if (denied.outcome !== "done") {
      failures.push(`does not deny ${failedSids.length} of ${deny.sids.length} revoked sessions (${reason})`);
    }
  }
  return failures;
}
