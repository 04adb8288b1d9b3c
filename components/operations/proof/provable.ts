import { idOf } from "../fleet/instances.ts";
import type { Baseline, CanaryFindings } from "./canary-findings.ts";
export type Findings = Pick<CanaryFindings, "canaries" | "baseline" | "carried">;

/** What can prove the death of the retired keys: the run's own canaries, and those carried over of them. Pure. */
export function provableBy(
  { canaries, baseline, carried = [] }: Findings,
  retired: readonly { kid: string }[],
): Pick<CanaryFindings, "canaries" | "baseline"> {
  const own = new Set(canaries.map(({ kid }) => kid));
  const isNeeded = ({ kid }: { kid: string }) => !own.has(kid) && retired.some((key) => key.kid === kid);
  const more = carried.map((one) => ({
    canaries: one.canaries.filter(isNeeded),
    baseline: one.baseline.map((seen) => ({ ...seen, verdicts: seen.verdicts.filter(isNeeded) })),
  }));
  return {
    canaries: [...canaries, ...more.flatMap((one) => one.canaries)],
    baseline: mergeBaselines([...baseline, ...more.flatMap((one) => one.baseline)]),
  };
}

/** One entry for each instance, the first of its verdicts on a key. */
export function mergeBaselines(all: readonly Baseline[]): Baseline[] {
  const merged = new Map<string, Baseline>();
  for (const one of all) {
    const id = idOf(one);
    const known = merged.get(id);
    const fresh = one.verdicts.filter(({ kid }) => !known?.verdicts.some((verdict) => verdict.kid === kid));
    if (known) merged.set(id, { ...known, verdicts: [...known.verdicts, ...fresh] });
    else if (one.verdicts.length > 0) merged.set(id, one);
  }
  return [...merged.values()];
}
