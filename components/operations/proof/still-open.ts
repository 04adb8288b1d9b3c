import type { KeptCanaries } from "../canaries/canary.ts";
import { keepOf } from "../canaries/kept-canaries.ts";

export const nothingOpen: KeptCanaries = { canaries: [], canaryTokens: {} };

/** The verification before this one. */
interface EarlierVerification extends KeptCanaries {
  verified: boolean;
  retired: readonly { kid: string }[];
  /** What verifications before that one had left open. */
  earlier?: KeptCanaries;
}

/**
 * The next rotation does not clear a failed verification: instances are asked about its keys until one verification is
 * green. Pure.
 *
 * @param retired the keys that this rotation retired: they are asked about anyway
 */
export function stillOpen(retired: readonly { kid: string }[], before?: EarlierVerification): KeptCanaries {
  if (!before || before.verified) return nothingOpen;
  const { canaries: older, canaryTokens: olderTokens } = before.earlier ?? nothingOpen;
  const dead = before.canaries.filter(({ kid }) => before.retired.some((key) => key.kid === kid));
  const byKid = new Map([...older, ...dead].map((canary) => [canary.kid, canary]));
  const canaries = [...byKid.values()].filter(({ kid }) => !retired.some((key) => key.kid === kid));
  return keepOf(canaries, { ...olderTokens, ...before.canaryTokens });
}
