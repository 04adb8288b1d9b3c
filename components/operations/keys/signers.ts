import { isRevived } from "./death-marks.ts";
import { isTrusted, type RealmKey, rotationOf } from "./realm-keys.ts";

/** Whether a key is one of the rotation in question. */
type IsFresh = (key: RealmKey) => boolean;

/** Whether a key was published by a rotation that never got to its cut-over: no user has a token of it. */
export function isUntried(key: RealmKey): boolean {
  return isManaged(key) && key.priority === 0;
}

/** Whether a rotation made the key, or a rollback has taken it over. */
export function isManaged({ componentName }: Pick<RealmKey, "componentName">): boolean {
  return rotationOf(componentName) !== undefined;
}

/**
 * The keys that sign when a rotation is taken back: those before it, and its own for an algorithm that had none. Empty
 * where nothing from before is trusted any more. Pure.
 */
export function rollbackSigners(
  keys: readonly RealmKey[],
  exemptKeys: readonly string[],
  isFresh: IsFresh,
): RealmKey[] {
  const previous = previousSigners(keys, exemptKeys, isFresh);
  if (previous.length === 0) return [];
  const covered = previous.map(({ algorithm }) => algorithm);
  const goOn = keys.filter((key) => isFresh(key) && isTrusted(key) && !covered.includes(key.algorithm));
  return [...previous, ...goOn];
}

/**
 * The keys that signed before those of a rotation and are still trusted: for each algorithm a managed one before any
 * other, since who has put another above it is unknown; of these the one that signs already, else the one with the
 * highest priority.
 */
function previousSigners(
  keys: readonly RealmKey[],
  exemptKeys: readonly string[],
  isFresh: IsFresh,
): RealmKey[] {
  const candidates = keys
    .filter((key) => isTrusted(key) && !isFresh(key) && !exemptKeys.includes(key.componentName))
    .filter((key) => key.priority >= 0 && !isUntried(key) && !isRevived(key))
    .toSorted(
      (a, b) =>
        Number(isManaged(b)) - Number(isManaged(a)) ||
        Number(b.signing) - Number(a.signing) ||
        b.priority - a.priority,
    );
  const algorithms = new Set(keys.filter(isFresh).map(({ algorithm }) => algorithm));
  return [...algorithms].flatMap((algorithm) => candidates.find((key) => key.algorithm === algorithm) ?? []);
}
