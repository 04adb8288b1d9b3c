import { withControlTokens } from "../canaries/controls.ts";
import { expectedKids } from "../keys/jwks-read-back.ts";
import { type RetiredKeys, retiredCanaries } from "../proof/retired-keys.ts";
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
 * What must not come back once it is proven that the instances have dropped it.
 *
 * @param acknowledged keys that somebody has closed by name: no proof asks an instance about them, so neither does the watch
 */
export function watchedKeys(before: Before, acknowledged: readonly { kid: string }[]): WatchedKeys {
  const { cutover } = before.findings;
  const { keys, canaries, canaryTokens } = retiredKeysOf(before, cutover?.completedAt ?? "");
  if (keys.length === 0) return { canaries: [], kids: [] };
  const { absent } = expectedKids(cutover?.keysAfter ?? []);
  return {
    canaries: retiredCanaries({ keys, canaries, canaryTokens })
      .filter(({ kid }) => !acknowledged.some((one) => one.kid === kid))
      .map(({ unseen }) => unseen),
    kids: [...new Set([...keys.map(({ kid }) => kid), ...absent])],
  };
}

/** Kids of the keys that sign now. */
export function newKidsOf({ findings }: Before): string[] {
  return (findings.cutover?.signers ?? []).map(({ kid }) => kid);
}
