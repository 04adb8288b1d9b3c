import { withControlTokens } from "../canaries/controls.ts";
import { provableBy } from "../proof/provable.ts";
import type { RetiredKeys } from "../proof/retired-keys.ts";
import type { Before } from "./phase-request.ts";

/** The retired keys, and what can prove that an instance has dropped them. */
export function retiredKeysOf(
  { findings, canaryTokens, controlTokens }: Before,
  cutOverAt: string,
): RetiredKeys {
  const { prepared, cutover } = findings;
  const { retired: keys = [], newcomers = [] } = cutover ?? {};
  const controls = withControlTokens(cutover?.controls ?? [], controlTokens);
  if (!prepared) return { keys, canaries: [], canaryTokens, controls, baseline: newcomers, cutOverAt };
  const { canaries, baseline } = provableBy(prepared.canary, keys);
  return { keys, canaries, canaryTokens, controls, baseline: [...baseline, ...newcomers], cutOverAt };
}

/** Kids of the keys that sign now. */
export function newKidsOf({ findings }: Before): string[] {
  return (findings.cutover?.signers ?? []).map(({ kid }) => kid);
}
