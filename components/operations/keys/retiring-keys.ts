import type { Mode, Stage } from "../base/run-context.ts";
import { isUntried, rollbackSigners } from "./plan-cutover.ts";
import { isTrusted, type RealmKey, rotationOf } from "./realm-keys.ts";

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
 * Enabled signing keys that are neither exempt nor to sign after the cut-over; signers first, so that borrowing comes
 * last.
 */
export function retiringKeys(
  keys: readonly RealmKey[],
  { rotation, mode, stage = "final", exemptKeys }: RetirementGoal,
): RealmKey[] {
  const isFresh = ({ componentName }: RealmKey) => rotationOf(componentName) === rotation;
  const back = mode === "rollback" ? rollbackSigners(keys, exemptKeys, isFresh) : [];
  const staysSigner = (key: RealmKey) => (mode === "rollback" ? back.includes(key) : isFresh(key));
  return (
    keys
      .filter(isTrusted)
      .filter((key) => !exemptKeys.includes(key.componentName) && !staysSigner(key))
      // To mint with it, it would have to sign, and instances that were never told of it would refuse its users. When its
      // turn comes to be retired, they have been.
      .filter((key) => mode === "emergency" || stage === "final" || !isUntried(key))
      .toSorted((a, b) => Number(b.signing) - Number(a.signing))
  );
}
