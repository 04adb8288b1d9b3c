import type { CheckedConfig } from "#operations/config/inspect-stack";
import type { PreviewFacts } from "./preview-facts.ts";
import type { RealmSummary } from "./preview-summary.ts";

/**
 * What keeps a whole `up` from starting. One of several realms that can't be rotated does not stop the others. The
 * engine's errors are left out where the inspection has found something, since they say the same. Pure.
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
        ({ name }) => `NO_INSTANCES: target ${name} has no instance; scale it up, or remove it from targets`,
      ),
  ];
  if (found.length > 0 || ok || refused.length > 0) return [...new Set(found)];
  return errors.length > 0 ? errors : ["the engine's preview failed"];
}

/** What should be known before an `up` and is not a mistake. Pure. */
export function warningsOf(
  { inspection, targets, verified }: PreviewFacts,
  config: CheckedConfig | undefined,
): string[] {
  const isEmergency = config?.mode === "emergency";
  const unreachable = targets.reduce((sum, target) => sum + target.unreachable.length, 0);
  const all = targets.reduce((sum, { instances }) => sum + instances, 0);
  const consequence = isEmergency
    ? "the keys are disabled regardless, and the run stays red until each of them is proven or restarted"
    : "a planned rotation stops before any key changes";
  return [
    ...inspection.realms.flatMap(({ plan }) => plan?.warnings ?? []),
    ...inspection.warnings,
    ...(unreachable > 0 ? [`${unreachable} of ${all} instances are unreachable: ${consequence}`] : []),
    ...targets.flatMap(({ name, error }) =>
      error === undefined ? [] : [`target ${name} can't be inspected: ${error}`],
    ),
    ...(isEmergency && config?.freeze === "release"
      ? ["freeze is still set to release from an earlier emergency: nothing is frozen in this one"]
      : []),
    ...(verified === false ? ["the last run is not verified; it stays red until an update proves it"] : []),
  ];
}
