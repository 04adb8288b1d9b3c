import { closedBy, closedDeath, foundDead, reopenedDeath } from "../../keys/death-marks.ts";
import type { MarkChanges } from "../../keys/key-marks.ts";
import { isTrusted, type RealmKey } from "../../keys/realm-keys.ts";
import { acceptsKid, closedNow, type LedgerOutcome } from "./ledger.ts";
import type { LedgerRow } from "./rows.ts";

/**
 * What a verification writes on a key's component, because a lost state would not know it: that its death is closed, that it
 * came back, or since when it is dead. Undefined where nothing is to be written. Pure.
 *
 * @param key as it is after the verification: a watch may have changed its marks since the cut-over
 * @param row what was known of it before; undefined for a key that is not dead
 */
export function marksAfter(
  key: RealmKey,
  row: LedgerRow | undefined,
  outcome: Pick<LedgerOutcome, "verified" | "rotation" | "at"> & {
    instances: readonly Pick<LedgerOutcome["instances"][number], "checks">[];
  },
): MarkChanges | undefined {
  const { verified, rotation, at, instances } = outcome;
  // Whoever has disabled it has enabled it again: what was known of its death is over.
  if (isTrusted(key)) return key.foundDead === undefined ? undefined : { foundDead: null };
  if (!row) return undefined;
  const isAccepted = instances.some(({ checks }) => acceptsKid(checks, key.kid));
  if (closedBy(key) !== undefined) return isAccepted ? reopenedDeath(key, rotation, at) : undefined;
  const by = closedNow(row, verified);
  if (by) return closedDeath(key, by, rotation);
  const isMarked = [key.died, key.killed, key.foundDead].some((mark) => mark !== undefined);
  return isMarked ? undefined : foundDead(row.deadSince);
}
