import type { RealmKey } from "./realm-keys.ts";

/**
 * How a key came to be trusted no more. `rotation`: an `up` disabled it; `kill`: `npm run kill` did. `by-hand`: somebody else
 * disabled it. `removed`: somebody else deleted it while it was trusted. `deleted`: it was dead already when somebody else
 * deleted it, and nobody had shown that the instances refuse it.
 */
export type DeathCause = "rotation" | "kill" | "by-hand" | "removed" | "deleted";

/** A dead key that instances are to be shown to refuse. */
export interface RetiredKey {
  kid: string;
  algorithm: string;
  componentName: string;
  /** How it died. Default: `rotation`, in the state of an older version. */
  how?: DeathCause;
  /** Disabled in Keycloak at this time, ISO 8601 UTC. */
  disabledAt: string;
  /**
   * False where an interrupted run disabled it, or somebody else: `disabledAt` is then the earliest time at which this
   * program could have, or when it was first seen to be dead.
   */
  disabledAtIsExact: boolean;
  /** Since when it is certainly dead, ISO 8601 UTC. Absent in the state of an older version. */
  deadSince?: string;
}

/** A key that no longer signs and is still trusted. */
export interface PassiveKey {
  kid: string;
  algorithm: string;
  componentName: string;
}

/** What was known of the realm's signing keys before the rotation. */
export interface KnownBefore {
  keysBefore: RealmKey[];
  /** ISO 8601 UTC. */
  keysBeforeAt: string;
  /** Until when the canary tokens of the retiring keys can prove something. */
  canaries: readonly { kid: string; seen: { expiresAt: string }; unseen: { expiresAt: string } }[];
  /** When a key that does not sign was last made the signer to mint its canary tokens, ISO 8601 UTC. */
  borrowedAt?: string;
}

/** Whether this program disabled it: only then the time of its death is part of the exposure window. Pure. */
export function isKilledByUs({ how = "rotation" }: Pick<RetiredKey, "how">): boolean {
  return how === "rotation" || how === "kill";
}

/**
 * Since when a dead key is certainly dead, ISO 8601 UTC. Pure.
 *
 * @param cutOverAt completion of the cut-over after which it was dead at the latest
 */
export function deadSinceOf(
  { disabledAt, disabledAtIsExact, deadSince }: RetiredKey,
  cutOverAt: string,
): string {
  return deadSince ?? (disabledAtIsExact ? disabledAt : cutOverAt);
}
