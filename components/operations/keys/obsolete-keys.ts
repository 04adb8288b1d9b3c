import { closedBy } from "./death-marks.ts";
import { isTrusted, type RealmKey, rotationOf } from "./realm-keys.ts";

/**
 * Managed keys that earlier rotations disabled, beyond the newest rotations that are to be kept. Those of the highest
 * rotation always are, because it must never be made twice, and so are those whose death is not closed: with the key,
 * its mark would be lost. Pure.
 *
 * @param keepRetired rotations whose disabled keys stay in Keycloak
 */
export function obsoleteKeys(keys: readonly RealmKey[], keepRetired: number): RealmKey[] {
  const highest = Math.max(...rotationsOf(keys));
  const dead = keys.filter((key) => !isTrusted(key) && rotationOf(key.componentName) !== undefined);
  const newest = [...new Set(rotationsOf(dead))].toSorted((a, b) => b - a).slice(0, keepRetired);
  const kept = new Set([highest, ...newest]);
  return dead.filter(
    (key) => closedBy(key) !== undefined && !kept.has(rotationOf(key.componentName) ?? highest),
  );
}

function rotationsOf(keys: readonly RealmKey[]): number[] {
  return keys.flatMap(({ componentName }) => rotationOf(componentName) ?? []);
}
