import type { Canary } from "../canaries/canary.ts";
import { keepOf, withTokens } from "../canaries/kept-canaries.ts";
import { livesOn } from "../canaries/mint-canaries.ts";
import { idOf } from "../fleet/instances.ts";
import { isTrusted, type RealmKey } from "../keys/realm-keys.ts";
import type { PassiveKey } from "../keys/retired-key.ts";
import type { Baseline, CanaryFindings, CanaryRequest, CanaryResult } from "./canary-findings.ts";

/** What an older version has kept of earlier runs, apart from its own. */
interface OlderFindings extends CanaryFindings {
  carried?: Pick<CanaryFindings, "canaries" | "baseline">[];
}

/** Its tokens by their `jti`, which are secret, and its findings. */
type KeptProof = Pick<CanaryResult, "tokens"> & Pick<CanaryFindings, "canaries" | "baseline" | "lost">;

/**
 * What earlier runs have minted with keys that are dead by now, and what the instances said of it before: it proves for as
 * long as it lives that they have dropped the keys, whoever has disabled those. Pure.
 */
export function keptProof(keys: readonly RealmKey[], kept: CanaryRequest["kept"]): KeptProof {
  if (!kept) return { tokens: {}, canaries: [], baseline: [] };
  const { carried = [], ...own }: OlderFindings = kept.findings;
  const trusted = keys.filter(isTrusted).map(({ kid }) => kid);
  const all = [own, ...carried];
  const canaries = all
    .flatMap((minted) => minted.canaries)
    .filter((canary) => !trusted.includes(canary.kid) && livesOn(canary));
  const isKept = ({ kid }: { kid: string }) => canaries.some((canary) => canary.kid === kid);
  const baseline = all
    .flatMap((minted) => minted.baseline)
    .map((one) => ({ ...one, verdicts: one.verdicts.filter(isKept) }));
  const lost = lostSince(keys, kept);
  return {
    tokens: keepOf(canaries, kept.tokens).canaryTokens,
    ...{ canaries, baseline: mergeBaselines(baseline) },
    ...(lost.length > 0 ? { lost } : {}),
  };
}

/** Keys that an earlier run found trusted, and that somebody has removed since: a killed run has left no other trace. Pure. */
export function lostSince(keys: readonly RealmKey[], kept: CanaryRequest["kept"]): PassiveKey[] {
  const { keysBefore = [], lost = [] } = kept?.findings ?? {};
  const known = [...lost, ...keysBefore.filter(isTrusted)];
  return known
    .filter(({ kid }) => !keys.some((key) => key.kid === kid))
    .map(({ kid, algorithm, componentName }) => ({ kid, algorithm, componentName }));
}

/** One entry for each instance, with its first verdict on each key. Pure. */
export function mergeBaselines(all: readonly Baseline[]): Baseline[] {
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

/** Kids of kept canary tokens that an instance refuses. Pure. */
export function refusedKept(kept: CanaryResult | undefined, baseline: readonly Baseline[]): string[] {
  const isRefused = ({ kid }: { kid: string }) =>
    baseline.some(({ verdicts }) =>
      verdicts.some((one) => one.kid === kid && one.verdict.kind === "rejected"),
    );
  return (kept?.findings.canaries ?? []).filter(isRefused).map(({ kid }) => kid);
}

/** What each instance said, with what it has said since of some keys. Pure. */
export function withVerdicts(
  before: readonly Baseline[],
  since: readonly Baseline[],
  kids: readonly string[],
): Baseline[] {
  const later = new Map(since.map((one) => [idOf(one), one]));
  const known = before.map((one) => ({
    ...one,
    verdicts: [
      ...one.verdicts.filter(({ kid }) => !kids.includes(kid)),
      ...(later.get(idOf(one))?.verdicts ?? []),
    ],
  }));
  const ids = new Set(before.map(idOf));
  return [...known, ...since.filter((one) => !ids.has(idOf(one)))];
}

/** A key's canary tokens from an earlier run, where they stay valid for long enough. */
export function keptCanary({ kid }: RealmKey, kept: CanaryResult | undefined): Canary | undefined {
  if (!kept) return undefined;
  return withTokens({ canaries: kept.findings.canaries, canaryTokens: kept.tokens }).find(
    (canary) => canary.kid === kid && livesOn(canary),
  );
}
