import type { Canary, KeptCanaries, MintedToken } from "../canaries/canary.ts";
import { withTokens } from "../canaries/kept-canaries.ts";
import type { RetiredKey } from "../keys/retired-key.ts";
import type { Baseline } from "./canary-findings.ts";

/** The dead keys that a cut-over has left, and what can prove that an instance has dropped them. */
export interface RetiredKeys extends KeptCanaries {
  keys: RetiredKey[];
  /** Secret. The twins of the canary tokens, signed with the keys that sign now. */
  controls: MintedToken[];
  /** Every instance's verdict on the canary tokens before the cut-over. */
  baseline: Baseline[];
  /** Completion of that cut-over, ISO 8601 UTC. */
  cutOverAt: string;
}

/** The canary tokens of the retired keys, and of no others. Pure. */
export function retiredCanaries(retired: Pick<RetiredKeys, "keys" | keyof KeptCanaries>): Canary[] {
  return withTokens(retired).filter(({ kid }) => retired.keys.some((key) => key.kid === kid));
}
