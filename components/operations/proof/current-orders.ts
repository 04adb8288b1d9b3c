import type { EmergencyActions } from "./verification-request.ts";
import type { VerificationResult } from "./verify.ts";

/** The last verification, of this rotation or another. */
interface LastVerification {
  verified: boolean;
  result: Pick<VerificationResult, "finishedAt">;
}

/**
 * The orders that instances must know now: what was thawed after a green verification is not frozen again by the next one
 * of the same rotation. Pure.
 *
 * @param isLater whether this is a later verification of a cut-over that was verified before
 */
export function currentOrders(
  emergency: EmergencyActions,
  last: LastVerification | undefined,
  isLater: boolean,
): EmergencyActions {
  const { freeze, ...others } = emergency.orders;
  const isThawed = freeze && last?.verified === true && freeze.since < last.result.finishedAt;
  const current = isThawed ? { ...emergency, orders: others } : emergency;
  return isLater ? toldToNobody(current) : current;
}

/** By a later run anybody may have restarted an instance that was told, and it no longer knows. */
function toldToNobody({ orders: { freeze, deny }, ...rest }: EmergencyActions): EmergencyActions {
  const orders = {
    ...(freeze ? { freeze: { ...freeze, on: [] } } : {}),
    ...(deny ? { deny: { ...deny, on: [] } } : {}),
  };
  return { ...rest, orders };
}
