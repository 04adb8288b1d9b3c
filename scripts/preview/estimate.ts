import type { CheckedConfig } from "#operations/config/inspect-stack";
import type { RealmSummary } from "./preview-summary.ts";
import type { TargetReach } from "./reach.ts";

/** Seconds for the phases that do not depend on the fleet: minting, making a key, reading the JWKS back. */
const baseSeconds = 5;
/** Probes prove nothing before the JWKS has settled and a token has expired. */
const verifySeconds = 3;
/** Calls that each instance gets: both canaries before and after, a fresh token, five forged ones, the refresh. */
const callsEach = 12;
const secondsPerCall = 0.05;

/**
 * A guess, for instances that answer and need no restart, from how many there are and how many are worked on at a
 * time. In seconds.
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
