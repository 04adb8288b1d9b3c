import type { MarkChanges } from "./key-marks.ts";
import { killOf, openKill, provenKill } from "./kill-marks.ts";
import { isTrusted, type RealmKey } from "./realm-keys.ts";

/** As much of a key as its marks need. */
type Marked = Pick<RealmKey, "died" | "killed" | "foundDead" | "status">;

/** What has closed a key's death: every instance was shown to refuse it, or the config has closed it by name. */
export type ClosedBy = "proven" | "acknowledged";

/** Set with the very request that disables a key: a lost state must not lose that nobody has proven it dead yet. */
export function openDeath(rotation: number): MarkChanges {
  return { died: `open ${rotation}`, killed: null, foundDead: null, borrowed: null };
}

/**
 * Set when a key is first seen that somebody else has disabled. If the same person enables it again, it is theirs as before:
 * see {@link isRevived}.
 *
 * @param at since when it is certainly dead, ISO 8601 UTC
 */
export function foundDead(at: string): MarkChanges {
  return { foundDead: `open ${at}` };
}

/** What closes a key's death, in the words of the mark that it has. Pure. */
export function closedDeath(key: Marked, by: ClosedBy, rotation: number): MarkChanges {
  if (killOf(key))
    return by === "proven" ? provenKill(rotation) : { died: `${by} ${rotation}`, killed: null };
  if (key.died !== undefined) return { died: `${by} ${rotation}` };
  return { foundDead: `${by} ${rotation}` };
}

/**
 * What opens a key's death again that was closed. Pure.
 *
 * @param at when it was seen that an instance accepts it, ISO 8601 UTC
 */
export function reopenedDeath(key: Marked, rotation: number, at: string): MarkChanges {
  const kill = killOf(key);
  if (kill) return openKill(kill.rotation);
  return key.died === undefined ? foundDead(at) : openDeath(rotation);
}

/** What has closed the death of a disabled key, and for which rotation, by its mark; undefined where nobody has. Pure. */
export function closingMark(key: Marked): { by: ClosedBy; rotation: number } | undefined {
  const kill = killOf(key);
  if (kill?.isProven) return { by: "proven", rotation: kill.rotation };
  const [, by, rotation] = /^(proven|acknowledged) ([0-9]+)$/.exec(key.died ?? key.foundDead ?? "") ?? [];
  if (by !== "proven" && by !== "acknowledged") return undefined;
  return { by, rotation: Number(rotation) };
}

/** What has closed the death of a disabled key; undefined where nobody has. Pure. */
export function closedBy(key: Marked): ClosedBy | undefined {
  return closingMark(key)?.by;
}

/** Since when a key is certainly dead that somebody else has disabled, by its mark, ISO 8601 UTC. Pure. */
export function foundDeadAt({ foundDead: mark }: Pick<RealmKey, "foundDead">): string | undefined {
  const [, at = ""] = /^open (\S+)$/.exec(mark ?? "") ?? [];
  return Number.isNaN(Date.parse(at)) ? undefined : new Date(at).toISOString();
}

/**
 * The disabled keys of which nobody has shown that the instances refuse them, whoever has disabled them, and of which nobody
 * has said that it need not be shown: also those that came back after a proof. Pure.
 */
export function openKeys(keys: readonly RealmKey[]): RealmKey[] {
  return keys.filter((key) => !isTrusted(key) && closedBy(key) === undefined);
}

/**
 * Whether a key is trusted although a run of this program has disabled it: somebody has enabled it again, in the console or
 * by a tool that restores its own idea of the realm. It gets no overlap, and signs nothing for us. Pure.
 */
export function isRevived(key: Pick<RealmKey, "died" | "killed" | "status">): boolean {
  return isTrusted(key) && (key.died !== undefined || key.killed !== undefined);
}
