import { RotationError } from "../base/errors.ts";
import type { Mode, Stage } from "../base/run-context.ts";
import { isRevived } from "./death-marks.ts";
import { isOvertaken, laterKeys } from "./later-keys.ts";
import { isTrusted, type RealmKey } from "./realm-keys.ts";
import { keysToRetire } from "./retiring-keys.ts";
import { isManaged, rollbackSigners } from "./signers.ts";

/** Which keys are to sign, and what is to become of the others. */
export interface CutoverGoal {
  rotation: number;
  /** Components of this rotation's signing keys. */
  componentIds: readonly string[];
  /** Component names that stay as they are. */
  exemptKeys: readonly string[];
  mode: Mode;
  stage: Stage;
}

export interface CutoverPlan {
  /** The keys that are to sign. */
  signers: RealmKey[];
  /** Keys to activate, with the priority that makes them the signers. Empty when they already sign. */
  activate: { key: RealmKey; priority: number }[];
  /** Active keys that are to be trusted only, unmanaged and fallback ones included. */
  passivate: RealmKey[];
  /**
   * Enabled signing keys to disable, unmanaged and fallback ones included. In every mode those that were retired before and
   * enabled again.
   */
  disable: RealmKey[];
  /** Trusted keys of later rotations: never this run's to change. */
  later: RealmKey[];
  /** Enabled signing keys left alone because their component name is exempt. */
  exempt: RealmKey[];
}

/**
 * Decides what a cut-over changes. Pure: the same keys give the same plan, and carrying out a plan leaves nothing for
 * the next one, which is what makes a cut-over safe to repeat.
 *
 * @param keys every signing key of the realm
 * @throws {RotationError} KEY_NOT_PUBLISHED when one of this rotation's keys is missing or disabled;
 *   ROLLBACK_IMPOSSIBLE when no key from before is trusted any more; PRIORITY_EXHAUSTED
 */
export function planCutover(keys: readonly RealmKey[], goal: CutoverGoal): CutoverPlan {
  const { componentIds, mode, stage } = goal;
  const later = laterKeys(keys, goal);
  if (componentIds.length === 0) throw publishedNothing();
  const signers = mode === "rollback" ? backToBefore(keys, goal) : freshKeys(keys, componentIds);
  const others = keys.filter((key) => !signers.includes(key));
  const highest = Math.max(0, ...others.map((key) => key.priority));
  if (highest >= Number.MAX_SAFE_INTEGER - 1) throw priorityExhausted(others);
  const retiring = keysToRetire(keys, [...signers, ...later], goal.exemptKeys);
  const isAdopted = (key: RealmKey) => !isManaged(key) && !componentIds.includes(key.componentId);
  const isPassive = ({ status }: RealmKey) => status === "PASSIVE";
  const due = retiring.filter((key) => isRevived(key) || (stage === "final" && isPassive(key)));
  return {
    signers,
    activate: signers
      .filter((key) => !isOvertaken(key, later))
      .filter((key) => !isSigningForGood(key, highest) || isAdopted(key))
      .map((key) => ({ key, priority: highest + 1 })),
    passivate: mode === "emergency" ? [] : retiring.filter((key) => !isPassive(key) && !isRevived(key)),
    disable: mode === "emergency" ? retiring : due,
    later,
    exempt: others.filter((key) => isTrusted(key) && goal.exemptKeys.includes(key.componentName)),
  };
}

/** One that signs only for as long as somebody mints with it is about to be put back. */
function isSigningForGood({ status, priority, borrowed }: RealmKey, highest: number): boolean {
  return status === "ACTIVE" && priority > highest && borrowed === undefined;
}

function backToBefore(keys: readonly RealmKey[], { componentIds, exemptKeys }: CutoverGoal): RealmKey[] {
  const signers = rollbackSigners(keys, exemptKeys, ({ componentId }) => componentIds.includes(componentId));
  if (signers.length === 0) throw rollbackImpossible();
  return signers;
}

function rollbackImpossible(): RotationError {
  return new RotationError(
    "ROLLBACK_IMPOSSIBLE",
    "no signing key from before this rotation is trusted any more",
    { nextStep: "bump rotation to make a new key; a disabled key is never enabled again" },
  );
}

function freshKeys(keys: readonly RealmKey[], componentIds: readonly string[]): RealmKey[] {
  return componentIds.map((id) => publishedKey(keys, id));
}

function publishedKey(keys: readonly RealmKey[], componentId: string): RealmKey {
  const key = keys.find((candidate) => candidate.componentId === componentId);
  if (key && isTrusted(key)) return key;
  throw new RotationError(
    "KEY_NOT_PUBLISHED",
    `the new signing key of component ${componentId} is ${key ? "disabled" : "not in the realm"}`,
    { nextStep: "bump rotation to make a new key; nothing was disabled" },
  );
}

function publishedNothing(): RotationError {
  return new RotationError("KEY_NOT_PUBLISHED", "there is no new signing key to cut over to", {
    nextStep: "list at least one algorithm; nothing was disabled",
  });
}

function priorityExhausted(keys: readonly RealmKey[]): RotationError {
  const { componentName } = keys.reduce((a, b) => (a.priority >= b.priority ? a : b));
  return new RotationError(
    "PRIORITY_EXHAUSTED",
    `key provider ${componentName} has the highest possible priority, so that no key can be above it`,
    { nextStep: "lower its priority in Keycloak's console, then run the same up again" },
  );
}
