import type { Mode, Stage } from "../base/run-context.ts";
import { isRevived } from "./death-marks.ts";
import { isTrusted, type RealmKey, rotationOf } from "./realm-keys.ts";
import { isUntried, rollbackSigners } from "./signers.ts";

/** What decides which keys retire. */
export interface RetirementGoal {
  rotation: number;
  mode: Mode;
  /** Default: `final`. */
  stage?: Stage;
  /** Component names that stay as they are. */
  exemptKeys: readonly string[];
}

/**
 * Which keys retire, at once or when the overlap ends: those that are trusted, and neither to sign nor exempt. Pure.
 *
 * @param signers the keys that are to sign
 */
export function keysToRetire(
  keys: readonly RealmKey[],
  signers: readonly RealmKey[],
  exemptKeys: readonly string[],
): RealmKey[] {
  const isKept = (key: RealmKey) => signers.includes(key) || exemptKeys.includes(key.componentName);
  return keys.filter((key) => isTrusted(key) && !isKept(key));
}

/**
 * The keys that canary tokens are minted with: those that retire. Signers come first, so that making another key the
 * signer for a moment comes last. Pure.
 */
export function retiringKeys(
  keys: readonly RealmKey[],
  { rotation, mode, stage = "final", exemptKeys }: RetirementGoal,
): RealmKey[] {
  const isFresh = ({ componentName }: RealmKey) => rotationOf(componentName) === rotation;
  const signers = mode === "rollback" ? rollbackSigners(keys, exemptKeys, isFresh) : keys.filter(isFresh);
  return (
    keysToRetire(keys, signers, exemptKeys)
      .filter(({ componentName }) => (rotationOf(componentName) ?? 0) <= rotation)
      // To mint with it, it would have to sign, and that it was retired has a reason.
      .filter((key) => mode === "emergency" || key.signing || !isRevived(key))
      // To mint with it, it would have to sign, and instances that were never told of it would reject its users. When it
      // is retired, they have been told.
      .filter((key) => mode === "emergency" || stage === "final" || !isUntried(key))
      .toSorted((a, b) => Number(b.signing) - Number(a.signing))
  );
}
