import type { Canary, CanaryReference } from "../canaries/canary.ts";
import { withTokens } from "../canaries/kept-canaries.ts";
import { livesOn } from "../canaries/mint-canaries.ts";
import { idOf } from "../fleet/instances.ts";
import { isTrusted, type RealmKey } from "../keys/realm-keys.ts";
import type { Baseline, CanaryRequest, CanaryResult, CarriedCanaries } from "./canary-findings.ts";

/**
 * A run that was killed after it disabled a key, and that was not followed by the same `up`, has proven nothing: the canary
 * tokens that it minted still can.
 */
export function carriedOver(keys: readonly RealmKey[], kept: CanaryRequest["kept"]): CarriedCanaries[] {
  if (!kept) return [];
  const { rotation, findings } = kept;
  const trusted = keys.filter(isTrusted).map(({ kid }) => kid);
  const isUsable = (canary: CanaryReference) => !trusted.includes(canary.kid) && livesOn(canary);
  return [...(findings.carried ?? []), { rotation, canaries: findings.canaries, baseline: findings.baseline }]
    .map((minted) => ({ ...minted, canaries: minted.canaries.filter(isUsable) }))
    .filter(({ canaries }) => canaries.length > 0);
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
