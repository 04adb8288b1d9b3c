import type { KeptCanaries } from "../canaries/canary.ts";
import { keepOf } from "../canaries/kept-canaries.ts";

export const nothingOpen: KeptCanaries = { canaries: [], canaryTokens: {} };

/** What a verification before this one has left. */
export interface EarlierVerification extends KeptCanaries {
  verified: boolean;
  retired: readonly { kid: string }[];
  /** What it had been left by those before it. */
  earlier?: KeptCanaries;
}

/** A red verification is not made up for by the next rotation: its keys go on being asked about until one is green. */
export function stillOpen(
  { retired }: { retired: readonly { kid: string }[] },
  before?: EarlierVerification,
): KeptCanaries {
  if (!before || before.verified) return nothingOpen;
  const { canaries: older, canaryTokens: olderTokens } = before.earlier ?? nothingOpen;
  const dead = before.canaries.filter(({ kid }) => before.retired.some((key) => key.kid === kid));
  const canaries = [...new Map([...older, ...dead].map((one) => [one.kid, one])).values()].filter(
    ({ kid }) => !retired.some((key) => key.kid === kid),
  );
  return keepOf(canaries, { ...olderTokens, ...before.canaryTokens });
}
