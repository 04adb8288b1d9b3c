import type { CheckedConfig } from "#operations/config/inspect-stack";
import type { RealmSummary } from "./preview-summary.ts";
import type { TargetReach } from "./reach.ts";

/** Seconds for the phases that do not depend on the fleet: minting tokens, creating a key, reading the JWKS. */
const baseSeconds = 5;
/** The verification waits until the JWKS has settled and one token has expired. */
const verifySeconds = 3;
/** Calls to each instance: both canary tokens before and after, a fresh token, five forged ones, the refresh. */
const callsEach = 12;
const secondsPerCall = 0.05;

/**
 * An estimate in seconds, for instances that answer and need no restart, from their number and from how many are called
 * at the same time.
 */
export function estimateSeconds(
  { refresh }: Pick<CheckedConfig, "refresh">,
  realms: readonly Pick<RealmSummary, "keys">[],
  targets: readonly Pick<TargetReach, "instances">[],
): number {
  const concerned = realms.filter(({ keys }) => keys.length > 0).length;
  const instances = targets.reduce((sum, one) => sum + one.instances, 0);
  const rounds = Math.ceil(instances / refresh.concurrency);
  return Math.ceil(
    baseSeconds + verifySeconds + rounds * callsEach * secondsPerCall * Math.max(1, concerned),
  );
}
