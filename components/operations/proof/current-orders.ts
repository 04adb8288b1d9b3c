import type { Beside, VerificationResult } from "./verify.ts";

/** What was thawed after a green verification is not frozen again by the next one of the same rotation. */
export function besideNow(
  beside: Beside,
  before: { verified: boolean; result: Pick<VerificationResult, "finishedAt"> } | undefined,
  isLater: boolean,
): Beside {
  const { freeze, ...others } = beside.orders;
  const isThawed = freeze && before?.verified === true && freeze.since < before.result.finishedAt;
  const now = isThawed ? { ...beside, orders: others } : beside;
  return isLater ? forgotten(now) : now;
}

/** In a later run, an instance that had been told may have been restarted by anybody and know nothing of it. */
export function forgotten({ orders: { freeze, deny }, ...rest }: Beside): Beside {
  const orders = {
    ...(freeze ? { freeze: { ...freeze, on: [] } } : {}),
    ...(deny ? { deny: { ...deny, on: [] } } : {}),
  };
  return { ...rest, orders };
}
