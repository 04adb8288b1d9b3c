import type { CheckedConfig } from "#operations/config/inspect-stack";
import type { PreviewFacts } from "./preview-facts.ts";
import type { RealmSummary } from "./preview-summary.ts";

/**
 * What keeps all of an `up` from starting. Of several realms, one that can't be rotated keeps only itself from it. The
 * engine's own errors say the same as the inspection, where that has found something. Pure.
 */
export function problemsOf(
  { inspection, engine: { ok, errors }, targets }: PreviewFacts,
  realms: readonly RealmSummary[],
): string[] {
  const isRotating = realms.some(({ keys }) => keys.length > 0);
  const refused = realms.filter(({ problems }) => problems.length > 0);
  const ofRealms =
    refused.length === realms.length
      ? refused.flatMap(({ realm, problems }) =>
          problems.map((what) => (realms.length > 1 ? `realm ${realm}: ${what}` : what)),
        )
      : [];
  const found = [
    ...inspection.problems,
    ...ofRealms,
    ...targets
      .filter(({ instances, error }) => isRotating && instances === 0 && error === undefined)
      .map(
        ({ name }) =>
          `NO_INSTANCES: target ${name} has no instance; scale it up, or take it out of instances`,
      ),
  ];
  if (found.length > 0 || ok || refused.length > 0) return [...new Set(found)];
  return errors.length > 0 ? errors : ["the engine's preview failed"];
}

/** What should be known before an `up`, and is no mistake. Pure. */
export function warningsOf(
  { inspection, targets, verified }: PreviewFacts,
  config: CheckedConfig | undefined,
): string[] {
  const isEmergency = config?.mode === "emergency";
  const left = targets.reduce((sum, { unreachable }) => sum + unreachable.length, 0);
  const all = targets.reduce((sum, { instances }) => sum + instances, 0);
  const cost = isEmergency
    ? "the keys die all the same, and the run is red until each is proven or restarted"
    : "a planned rotation stops before anything has changed for anybody";
  return [
    ...inspection.realms.flatMap(({ plan }) => plan?.warnings ?? []),
    ...inspection.warnings,
    ...(left > 0 ? [`${left} of ${all} instances take no connection now: ${cost}`] : []),
    ...targets.flatMap(({ name, error }) =>
      error === undefined ? [] : [`target ${name} can't be looked at: ${error}`],
    ),
    ...(isEmergency && config?.freeze === "release"
      ? ["freeze: release is left over from an earlier emergency: nothing is frozen in this one"]
      : []),
    ...(verified === false ? ["the last run is not verified: it stays red until an up proves it"] : []),
  ];
}
