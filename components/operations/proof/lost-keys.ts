import type { RunContext } from "../base/run-context.ts";
import type { CutoverResult, RetiredKey } from "../keys/cut-over.ts";
import { isTrusted } from "../keys/realm-keys.ts";
import type { CanaryFindings } from "./canary-findings.ts";

/** What the last cut-over that came to its end has left. */
interface LastCutover {
  run?: Pick<RunContext, "rotation">;
  result?: CutoverResult;
}

/**
 * Keys that are dead, and that nobody has shown to be. Those that a run had canaries of which was killed before its
 * cut-over came to its end; and in an emergency those that the last cut-over has left trusted and that somebody else has
 * disabled or deleted since: there are no canaries of them, so only a restart proves that they are forgotten. Pure.
 */
export function lostUnproven(
  { rotation, mode }: Pick<RunContext, "rotation" | "mode">,
  { keysBefore, keysBeforeAt, carried = [] }: Pick<CanaryFindings, "keysBefore" | "keysBeforeAt" | "carried">,
  { run, result }: LastCutover = {},
): RetiredKey[] {
  const last = run?.rotation ?? 0;
  if (last === rotation) return [];
  const interrupted = carried.filter((one) => one.rotation > last);
  const { signers = [], passive = [] } = (mode === "emergency" ? result : undefined) ?? {};
  const known = [...interrupted.flatMap(({ canaries }) => canaries), ...signers, ...passive];
  return [...new Map(known.map((one) => [one.kid, one])).values()].flatMap(({ kid, algorithm }) => {
    const key = keysBefore.find((one) => one.kid === kid);
    if (key && isTrusted(key)) return [];
    const componentName = key?.componentName ?? `deleted key ${kid}`;
    return [{ kid, algorithm, componentName, disabledAt: keysBeforeAt, disabledAtIsExact: false }];
  });
}
