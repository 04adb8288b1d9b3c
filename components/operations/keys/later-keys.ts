import { isTrusted, type RealmKey, rotationOf } from "./realm-keys.ts";

/** Whose keys are the run's own. */
interface Owner {
  rotation: number;
  /** Components of this rotation's signing keys. */
  componentIds: readonly string[];
}

/**
 * The trusted keys that are never this run's to disable: those of higher rotations, and those that somebody else has made
 * for the same rotation. Of two runs on one realm each then leaves the other's key alone or has one of its own that signs:
 * whatever their requests meet with, the realm can sign. Pure.
 */
export function laterKeys(keys: readonly RealmKey[], { rotation, componentIds }: Owner): RealmKey[] {
  const ownNames = keys
    .filter(({ componentId }) => componentIds.includes(componentId))
    .map(({ componentName }) => componentName);
  return keys.filter(
    (key) =>
      isTrusted(key) &&
      !componentIds.includes(key.componentId) &&
      ((rotationOf(key.componentName) ?? 0) > rotation || ownNames.includes(key.componentName)),
  );
}

/** Whether a later key signs in the place of one that should. */
export function isOvertaken({ algorithm }: RealmKey, later: readonly RealmKey[]): boolean {
  return later.some((key) => key.signing && key.algorithm === algorithm);
}
