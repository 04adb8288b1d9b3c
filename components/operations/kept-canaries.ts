import type { Baseline, Canary, CanaryFindings, CanaryReference } from "./mint-canaries.ts";

/** Canaries as the state keeps them: what may be said of them, and apart from it, as a secret, their tokens. */
export interface KeptCanaries {
  canaries: CanaryReference[];
  /** Secret: the canaries' tokens by their `jti`. */
  canaryTokens: Record<string, string>;
}

/** Some canaries with the tokens that are theirs, and no others. */
export function keepOf(canaries: CanaryReference[], tokens: Readonly<Record<string, string>>): KeptCanaries {
  const ids = canaries.flatMap(({ seen, unseen }) => [seen.jti, unseen.jti]);
  const own = Object.entries(tokens).filter(([jti]) => ids.includes(jti));
  return { canaries, canaryTokens: Object.fromEntries(own) };
}

/** The canaries of which both tokens are there. */
export function withTokens({ canaries, canaryTokens }: KeptCanaries): Canary[] {
  return canaries.flatMap(({ kid, algorithm, seen, unseen }) => {
    const [seenToken, unseenToken] = [canaryTokens[seen.jti], canaryTokens[unseen.jti]];
    if (seenToken === undefined || unseenToken === undefined) return [];
    const whole = (token: string, reference: CanaryReference["seen"]) => ({
      token,
      kid,
      algorithm,
      ...reference,
    });
    return [{ kid, algorithm, seen: whole(seenToken, seen), unseen: whole(unseenToken, unseen) }];
  });
}

/** Canaries of keys that a run has disabled which was killed then, and what instances had said of them before. */
export interface CarriedCanaries {
  /** The rotation that they were minted for. */
  rotation: number;
  canaries: CanaryReference[];
  baseline: Baseline[];
}

type Findings = Pick<CanaryFindings, "canaries" | "baseline" | "carried">;

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
function mergeBaselines(all: readonly Baseline[]): Baseline[] {
  const merged = new Map<string, Baseline>();
  for (const one of all) {
    const id = one.uid ?? one.instance;
    const known = merged.get(id);
    const fresh = one.verdicts.filter(({ kid }) => !known?.verdicts.some((verdict) => verdict.kid === kid));
    if (known) merged.set(id, { ...known, verdicts: [...known.verdicts, ...fresh] });
    else if (one.verdicts.length > 0) merged.set(id, one);
  }
  return [...merged.values()];
}
