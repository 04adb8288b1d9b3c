import type { RunContext } from "../base/run-context.ts";
import type { CutoverResult } from "../keys/cut-over.ts";
import { isDeathOpen } from "../keys/death-marks.ts";
import { killOf } from "../keys/kill-marks.ts";
import { isTrusted } from "../keys/realm-keys.ts";
import type { RetiredKey } from "../keys/retired-key.ts";
import type { CanaryFindings } from "./canary-findings.ts";

/** The last cut-over that completed, and what it left. */
interface LastCutover {
  run?: Pick<RunContext, "rotation">;
  result?: Pick<CutoverResult, "signers" | "passive">;
}

/**
 * Keys that are disabled or deleted without a proof that the instances dropped them: those that a run had minted canary
 * tokens for and that was killed before its cut-over completed; those that `npm run kill` has disabled and not proven, or an
 * `up` that has no canary tokens of them any more; and, in an emergency, those that the last cut-over left trusted and that somebody else has disabled or deleted since. The
 * latter two have no canary tokens, so only a restart proves that an instance has dropped them. What a kill has proven is
 * marked so on the key. Pure.
 */
export function lostUnproven(
  { rotation, mode }: Pick<RunContext, "rotation" | "mode">,
  { keysBefore, keysBeforeAt, carried = [] }: Pick<CanaryFindings, "keysBefore" | "keysBeforeAt" | "carried">,
  { run, result }: LastCutover = {},
): RetiredKey[] {
  const last = run?.rotation ?? 0;
  const killed = keysBefore.filter((key) => killOf(key)?.isProven === false);
  // What an `up` has disabled its state knows, as long as it has canary tokens to ask about; the marks know the rest.
  const kept = run === undefined ? [] : carried.flatMap(({ canaries }) => canaries);
  const died = keysBefore.filter((key) => isDeathOpen(key) && !kept.some(({ kid }) => kid === key.kid));
  if (last === rotation) return [...killed, ...died].map((key) => retired(key, keysBeforeAt));
  const interrupted = carried.filter((minted) => minted.rotation > last).flatMap(({ canaries }) => canaries);
  const { signers = [], passive = [] } = (mode === "emergency" ? result : undefined) ?? {};
  const known = new Map(
    [...interrupted, ...signers, ...passive, ...killed, ...died].map((key) => [key.kid, key]),
  );
  return [...known.values()].flatMap(({ kid, algorithm }) => {
    const key = keysBefore.find((before) => before.kid === kid);
    if (key && (isTrusted(key) || killOf(key)?.isProven === true)) return [];
    const componentName = key?.componentName ?? `deleted key ${kid}`;
    return [retired({ kid, algorithm, componentName }, keysBeforeAt)];
  });
}

function retired(
  { kid, algorithm, componentName }: Pick<RetiredKey, "kid" | "algorithm" | "componentName">,
  disabledAt: string,
): RetiredKey {
  return { kid, algorithm, componentName, disabledAt, disabledAtIsExact: false };
}
