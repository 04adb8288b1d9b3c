import type { CheckedConfig, StackInspection } from "#operations/inspect-stack";
import type { EnginePreview } from "./engine-preview.ts";
import type { PreviewFacts } from "./summary.ts";

/** The engine's own errors say the same as the inspection, where that has found something. */
export function problemsOf({ problems, realms }: StackInspection, { ok, errors }: EnginePreview): string[] {
  const all =
    realms.length > 1
      ? realms.flatMap((one) => one.problems.map((what) => `realm ${one.name}: ${what}`))
      : [];
  const found = [...new Set([...problems, ...all])];
  if (found.length > 0 || ok) return found;
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
    ...targets
      .filter(({ instances, error }) => instances === 0 && error === undefined)
      .map(({ name }) => `target ${name} has no instance now`),
    ...(verified === false ? ["the last run is not verified: it stays red until an up proves it"] : []),
  ];
}
