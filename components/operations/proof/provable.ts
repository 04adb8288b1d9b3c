import { idOf } from "../fleet/instances.ts";
import type { Baseline, CanaryFindings } from "./canary-findings.ts";

/** What can prove that the retired keys are dead: the run's own canary tokens, and those carried over. Pure. */
export function provableBy(
  { canaries, baseline, carried = [] }: Pick<CanaryFindings, "canaries" | "baseline" | "carried">,
  retired: readonly { kid: string }[],
): Pick<CanaryFindings, "canaries" | "baseline"> {
  const own = new Set(canaries.map(({ kid }) => kid));
  const isNeeded = ({ kid }: { kid: string }) => !own.has(kid) && retired.some((key) => key.kid === kid);
  const more = carried.map((minted) => ({
    canaries: minted.canaries.filter(isNeeded),
    baseline: minted.baseline.map((seen) => ({ ...seen, verdicts: seen.verdicts.filter(isNeeded) })),
  }));
  return {
    canaries: [...canaries, ...more.flatMap((minted) => minted.canaries)],
    baseline: mergeBaselines([...baseline, ...more.flatMap((minted) => minted.baseline)]),
  };
}

/** One entry for each instance, with its first verdict on each key. */
function mergeBaselines(all: readonly Baseline[]): Baseline[] {
  const merged = new Map<string, Baseline>();
  for (const baseline of all) {
    const id = idOf(baseline);
    const known = merged.get(id);
    const isFresh = ({ kid }: { kid: string }) => !known?.verdicts.some((verdict) => verdict.kid === kid);
    if (known)
      merged.set(id, { ...known, verdicts: [...known.verdicts, ...baseline.verdicts.filter(isFresh)] });
    else if (baseline.verdicts.length > 0) merged.set(id, baseline);
  }
  return [...merged.values()];
}
