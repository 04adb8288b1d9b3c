import type { KeptCanaries } from "../canaries/canary.ts";
import type { RetiredKey } from "../keys/cut-over.ts";
import type { Baseline } from "../proof/canary-findings.ts";
import { provableBy } from "../proof/provable.ts";
import type { Before } from "./phase-request.ts";

/** The retired keys, and what can prove their death. */
export interface ProvableKeys extends KeptCanaries {
  retired: RetiredKey[];
  /** Every instance's verdict before the cut-over. */
  baseline: Baseline[];
  /** Kids of the keys that sign now. */
  newKids: string[];
}

export function provableKeys({ findings, canaryTokens }: Before): ProvableKeys {
  const { canary, cutover } = findings;
  const { retired = [], newcomers = [], signers = [] } = cutover ?? {};
  const newKids = signers.map(({ kid }) => kid);
  if (!canary) return { newKids, retired, canaries: [], canaryTokens, baseline: newcomers };
  const { canaries, baseline } = provableBy(canary, retired);
  return { newKids, retired, canaries, canaryTokens, baseline: [...baseline, ...newcomers] };
}
