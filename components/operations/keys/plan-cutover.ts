import { RotationError } from "../base/errors.ts";
import type { Mode, Stage } from "../base/run-context.ts";
import { isTrusted, type RealmKey, rotationOf } from "./realm-keys.ts";

/** Which keys are to sign, and what is to become of the others. */
export interface CutoverGoal {
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
  /** Keys to activate, with the priority that makes them the signers. Empty when they are already. */
  activate: { key: RealmKey; priority: number }[];
  /** Active keys that are to be trusted only, unmanaged and fallback ones included. */
  passivate: RealmKey[];
  /** Enabled signing keys to disable, unmanaged and fallback ones included. */
  disable: RealmKey[];
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
  const { componentIds, exemptKeys, mode, stage } = goal;
  if (componentIds.length === 0) throw publishedNothing();
  const signers = mode === "rollback" ? backToBefore(keys, goal) : freshKeys(keys, componentIds);
  const others = keys.filter((key) => !signers.includes(key));
  const highest = Math.max(0, ...others.map((key) => key.priority));
  if (highest >= Number.MAX_SAFE_INTEGER - 1) throw priorityExhausted(others);
  const enabled = others.filter(isTrusted);
  const isExempt = (key: RealmKey) => exemptKeys.includes(key.componentName);
  const concerned = enabled.filter((key) => !isExempt(key));
  const isAdopted = (key: RealmKey) => !isManaged(key) && !componentIds.includes(key.componentId);
  const isPassive = ({ status }: RealmKey) => status === "PASSIVE";
  const retired = stage === "final" ? concerned.filter(isPassive) : [];
  return {
    signers,
    activate: signers
      .filter((key) => key.status !== "ACTIVE" || key.priority <= highest || isAdopted(key))
      .map((key) => ({ key, priority: highest + 1 })),
    passivate: mode === "emergency" ? [] : concerned.filter((key) => !isPassive(key)),
    disable: mode === "emergency" ? concerned : retired,
    exempt: enabled.filter(isExempt),
  };
}

/**
 * The keys that signed before those of a rotation and are still trusted: for each algorithm a managed one before any
 * other, since who has put another above it is unknown; of these the one that signs already, else the one with the
 * highest priority.
 *
 * @param isFresh whether a key is of the rotation
 */
function previousSigners(
  keys: readonly RealmKey[],
  exemptKeys: readonly string[],
  isFresh: (key: RealmKey) => boolean,
): RealmKey[] {
  const candidates = keys
    .filter((key) => isTrusted(key) && !isFresh(key) && !exemptKeys.includes(key.componentName))
    .filter((key) => key.priority >= 0 && !isUntried(key))
    .toSorted(
      (a, b) =>
        Number(isManaged(b)) - Number(isManaged(a)) ||
        Number(b.signing) - Number(a.signing) ||
        b.priority - a.priority,
    );
  const algorithms = new Set(keys.filter(isFresh).map(({ algorithm }) => algorithm));
  return [...algorithms].flatMap((algorithm) => candidates.find((key) => key.algorithm === algorithm) ?? []);
}

/** Whether a key was published by a rotation that never got to its cut-over: no user has a token of it. */
export function isUntried(key: RealmKey): boolean {
  return isManaged(key) && key.priority === 0;
}

function isManaged({ componentName }: RealmKey): boolean {
  return rotationOf(componentName) !== undefined;
}

/**
 * The keys that sign when a rotation is taken back: those before it, and its own for an algorithm that had none. Empty
 * where nothing from before is trusted any more.
 *
 * @param isFresh whether a key is of the rotation
 */
export function rollbackSigners(
  keys: readonly RealmKey[],
  exemptKeys: readonly string[],
  isFresh: (key: RealmKey) => boolean,
): RealmKey[] {
  const previous = previousSigners(keys, exemptKeys, isFresh);
  if (previous.length === 0) return [];
  const covered = previous.map(({ algorithm }) => algorithm);
  const goOn = keys.filter((key) => isFresh(key) && isTrusted(key) && !covered.includes(key.algorithm));
  return [...previous, ...goOn];
}

/**
 * Managed keys that were disabled by earlier rotations, beyond the newest rotations that are to be kept. Those of the
 * highest rotation always are: it must never be made twice. Pure.
 *
 * @param keepRetired rotations whose disabled keys stay in Keycloak
 */
export function obsoleteKeys(keys: readonly RealmKey[], keepRetired: number): RealmKey[] {
  const rotations = keys.flatMap(({ componentName }) => rotationOf(componentName) ?? []);
  const highest = Math.max(...rotations);
  const dead = keys.filter((key) => !isTrusted(key) && rotationOf(key.componentName) !== undefined);
  const rotationsOf = (list: readonly RealmKey[]) =>
    [...new Set(list.flatMap(({ componentName }) => rotationOf(componentName) ?? []))].toSorted(
      (a, b) => b - a,
    );
  const kept = new Set([highest, ...rotationsOf(dead).slice(0, keepRetired)]);
  return dead.filter(({ componentName }) => !kept.has(rotationOf(componentName) ?? highest));
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
    `key provider ${componentName} has the highest priority there is`,
    {
      nextStep: "lower its priority in Keycloak's console, then run the same up again",
    },
  );
}
