import { RotationError } from "../base/errors.ts";
import { isRevived } from "./death-marks.ts";
import type { CutoverGoal } from "./plan-cutover.ts";
import { describeKey, type RealmKey } from "./realm-keys.ts";
import type { KnownBefore } from "./retired-key.ts";

export function unsettled(): RotationError {
  return new RotationError(
    "CUTOVER_UNSETTLED",
    "new signing keys keep appearing in the realm while old ones are disabled",
    {
      nextStep:
        "find the client that asks for an algorithm outside `algorithms` (the name of a fallback-* key shows which), then run the same up again",
    },
  );
}

export function notActive({ kid, algorithm, status, priority, componentId }: RealmKey): RotationError {
  return new RotationError(
    "KEY_NOT_ACTIVE",
    `the new signing key ${kid} (${algorithm}) is ${status} at priority ${priority} and does not sign (component ${componentId})`,
    {
      nextStep:
        "find out who else is changing the realm's keys, then run the same up again; nothing was disabled",
    },
  );
}

/** Keys of a later rotation have come up during the cut-over: what this run has made is not the last word. */
export function overtaken({ rotation, mode }: CutoverGoal, later: readonly RealmKey[]): RotationError {
  const done =
    mode === "emergency"
      ? "the keys before both of them are disabled, and what came after is not proven"
      : "no key was disabled";
  return new RotationError(
    "ROTATION_OVERTAKEN",
    `while rotation ${rotation} was under way, somebody else published ${later.map(describeKey).join(", ")}: ${done}`,
    {
      nextStep:
        "find out who rotates this realm beside you; then set rotation to one more than the highest, and run up again",
    },
  );
}

/**
 * An emergency goes on, since the instances must be told of the keys that are dead.
 * @throws {RotationError} ROTATION_OVERTAKEN
 */
export function refuseOvertaken(goal: CutoverGoal, later: readonly RealmKey[]): void {
  if (later.length > 0) throw overtaken(goal, later);
}

/** Canary tokens must outlive the refresh and the verification that follow: five minutes. */
const canaryMarginMs = 300_000;

/**
 * Expired canary tokens prove nothing, and a disabled key can't mint others: so this is the last moment to stop.
 * @throws {RotationError} CANARY_EXPIRED
 */
export function refuseDeadCanaries(
  disable: readonly RealmKey[],
  { canaries, keysBeforeAt }: KnownBefore,
): void {
  const soon = new Date(Date.now() + canaryMarginMs).toISOString();
  const dead = canaries.filter(({ seen, unseen }) => seen.expiresAt < soon || unseen.expiresAt < soon);
  // One that was retired before and enabled again does not stay trusted for the sake of its proof.
  const due = dead.filter(({ kid }) => disable.some((key) => key.kid === kid && !isRevived(key)));
  if (due.length === 0) return;
  const kids = due.map(({ kid }) => kid).join(", ");
  const isShort = due.some(
    ({ seen }) => Date.parse(seen.expiresAt) - Date.parse(keysBeforeAt) < canaryMarginMs,
  );
  throw new RotationError(
    "CANARY_EXPIRED",
    isShort
      ? `the realm's tokens live for less than five minutes, so the canary tokens of ${kids} would not outlive the proof`
      : `the canary tokens of ${kids} were minted too long ago to prove anything`,
    {
      nextStep: isShort
        ? "raise the realm's SSO Session Max, or let the clients jwks-break-glass-probe-* have the scope offline_access; nothing was disabled"
        : "bump rotation, which mints new ones; nothing was disabled",
    },
  );
}
