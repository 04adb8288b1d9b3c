import { type Packed, unpack } from "../base/packed.ts";
import { withControlTokens } from "../canaries/controls.ts";
import { withTokens } from "../canaries/kept-canaries.ts";
import { expectedKids } from "../keys/jwks-read-back.ts";
import type { RetiredKeys } from "../proof/retired-keys.ts";
import type { VerificationResult } from "../proof/verify.ts";
import type { WatchedKeys } from "../proof/watch.ts";
import type { Before } from "./phase-request.ts";

/** The dead keys that the cut-over has left, and what can prove that an instance has dropped them. */
export function retiredKeysOf(
  { findings, canaryTokens, controlTokens }: Before,
  cutOverAt: string,
): RetiredKeys {
  const { prepared, cutover } = findings;
  const { retired: keys = [], newcomers = [] } = cutover ?? {};
  const controls = withControlTokens(cutover?.controls ?? [], controlTokens);
  const { canaries = [], baseline = [] } = prepared?.canary ?? {};
  return { keys, canaries, canaryTokens, controls, baseline: [...baseline, ...newcomers], cutOverAt };
}

/**
 * What must not come back once it is proven that the instances have dropped it: every dead key that was proven, of earlier
 * rotations too. One that was closed by name is asked about by no proof, and so by no watch.
 */
export function watchedKeys(
  { findings: { prepared, cutover }, canaryTokens }: Before,
  { found }: { found: Packed<{ result: Pick<VerificationResult, "ledger"> }> },
): WatchedKeys {
  const { ledger = [] } = unpack(found).result;
  const proven = ledger.filter(({ status }) => status === "proven").map(({ kid }) => kid);
  if (cutover === undefined || cutover.retired.length === 0) return { canaries: [], kids: [] };
  const { absent } = expectedKids(cutover.keysAfter);
  return {
    canaries: withTokens({ canaries: prepared?.canary.canaries ?? [], canaryTokens })
      .filter(({ kid }) => proven.includes(kid))
      .map(({ unseen }) => unseen),
    kids: [...new Set([...proven, ...absent])],
  };
}

/** Kids of the keys that sign now. */
export function newKidsOf({ findings }: Before): string[] {
  return (findings.cutover?.signers ?? []).map(({ kid }) => kid);
}
