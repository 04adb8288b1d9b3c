import type { MarkChanges } from "./key-marks.ts";
import { killOf } from "./kill-marks.ts";
import { isTrusted, type RealmKey } from "./realm-keys.ts";

/** Set with the very request that disables a key: a lost state must not lose that nobody has proven it dead yet. */
export function openDeath(rotation: number): MarkChanges {
  return { died: `open ${rotation}`, killed: null, borrowed: null };
}

/** Set when every instance was proven to reject it. */
export function provenDeath(rotation: number): MarkChanges {
  return { died: `proven ${rotation}` };
}

/** Set when the config has closed it by name: nobody has shown that the instances reject it. */
export function acknowledgedDeath(rotation: number): MarkChanges {
  return { died: `acknowledged ${rotation}`, killed: null };
}

/**
 * The keys that a run of this program has disabled, and of which nobody has shown since that the instances reject them: also
 * those that came back after a proof. Pure.
 */
export function openKeys(keys: readonly RealmKey[]): RealmKey[] {
  return keys.filter((key) => isDeathOpen(key) || killOf(key)?.isProven === false);
}

/** Whether an `up` has disabled a key, and nobody has proven since that the instances reject it. */
export function isDeathOpen(key: Pick<RealmKey, "died" | "status">): boolean {
  return !isTrusted(key) && /^open [0-9]+$/.test(key.died ?? "");
}

/**
 * Whether a key is trusted although a run of this program has disabled it: somebody has enabled it again, in the console or
 * by a tool that restores its own idea of the realm. It gets no overlap, and signs nothing for us. Pure.
 */
export function isRevived(key: Pick<RealmKey, "died" | "killed" | "status">): boolean {
  return isTrusted(key) && (key.died !== undefined || key.killed !== undefined);
}
