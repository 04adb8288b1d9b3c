import { isOwn } from "#operations/keys/own-key";
import { highestRotation } from "#operations/keys/publish-key";
import { isTrusted, type RealmKey, rotationOf } from "#operations/keys/realm-keys";

/** A realm as it is now. */
export interface RealmState {
  keys: readonly RealmKey[];
  /** Every key provider, internal keys too. */
  components: readonly { name: string }[];
}

/**
 * Which rotation a kill is: that of the keys which were made for the same incident, where it is repeated; else the config's,
 * where that is higher than what the realms have had; else one more than that. One number for all realms, because the stack
 * has one. Pure.
 *
 * @param configured the config's `rotation`; undefined where it is none
 */
export function killRotation(
  realms: readonly RealmState[],
  incident: string,
  configured: number | undefined,
): number {
  const highest = Math.max(0, ...realms.map(({ components }) => highestRotation(components)));
  const isOurs = (key: RealmKey) =>
    isTrusted(key) &&
    rotationOf(key.componentName) === highest &&
    isOwn(key, { rotation: highest, mode: "emergency", incident });
  if (realms.some(({ keys }) => keys.some(isOurs))) return highest;
  return Math.max(configured ?? 0, highest + 1);
}
