import { describeDuration } from "#operations/base/durations";
import type { PreviewSummary, RealmSummary } from "./preview-summary.ts";
import type { TargetReach } from "./reach.ts";

/** Beyond these numbers only a count is shown: a comment has a maximum length. */
export const shownInstances = 20;
export const shownKeys = 40;

/** What the change is, as a heading. */
export function headline(summary: PreviewSummary): string {
  const { outcome, realms } = summary;
  if (outcome === "refused") return "the update would be refused";
  if (outcome === "nothing") return "nothing to do";
  const refused = realms.filter(({ problems }) => problems.length > 0);
  const change = changeOf(
    summary,
    realms.filter((realm) => !refused.includes(realm)),
  );
  return refused.length === 0
    ? change
    : `${change}, except in ${refused.map(({ realm }) => realm).join(", ")}`;
}

function changeOf({ mode, rotation }: PreviewSummary, realms: readonly RealmSummary[]): string {
  const before = [...new Set(realms.flatMap(({ from }) => from ?? []))];
  const [from] = before;
  const isRetirement = realms.some(({ keys }) => keys.some(({ change }) => change === "retire"));
  if (realms.every(({ keys }) => keys.length === 0)) return "no key changes";
  if (mode === "rollback") return `rollback of rotation ${rotation}`;
  if (isRetirement) return `retirement of the keys before rotation ${rotation}`;
  const steps = before.length === 1 && from !== rotation ? `${from} → ${rotation}` : `${rotation}`;
  return `${mode} rotation ${steps}`;
}

/** The facts of the change, each with its name. */
export function factsOf(summary: PreviewSummary): [name: string, value: string][] {
  const { mode, incident, reason, targets, estimatedSeconds, resources } = summary;
  const changed = Object.entries(resources).filter(([op, count]) => op !== "same" && count > 0);
  return [
    ["mode", mode ?? "not known"],
    ...(incident ? [["incident", incident] as [string, string]] : []),
    ...(reason ? [["reason", reason] as [string, string]] : []),
    ["instances", instancesLine(targets)],
    ...(estimatedSeconds === null ? [] : [["takes", durationLine(estimatedSeconds)] as [string, string]]),
    ["resources", changed.map(([op, count]) => `${count} to ${op}`).join(", ") || "no change"],
  ];
}

function durationLine(seconds: number): string {
  return `about ${describeDuration(seconds * 1000)} (an estimate; longer if instances must be restarted, or if a cache in front of the JWKS is slow)`;
}

function instancesLine(targets: readonly TargetReach[]): string {
  const all = targets.reduce((sum, { instances }) => sum + instances, 0);
  const unreachable = targets.reduce((sum, target) => sum + target.unreachable.length, 0);
  const where = targets.length === 1 ? "1 target" : `${targets.length} targets`;
  return `${all} in ${where}${unreachable > 0 ? `, ${unreachable} of them unreachable` : ""}`;
}

/** What happens in a realm, a sentence for each change. */
export function actionsOf({ keys, before, after, overlapEnd, problems }: RealmSummary): string[] {
  if (problems.length > 0)
    return problems.map((problem) => `REFUSED (the other realms are rotated): ${problem}`);
  const more = keys.length - shownKeys;
  const changed = keys.slice(0, shownKeys).map(({ text }) => text);
  const all = [...before, ...changed, ...(more > 0 ? [`and ${more} more keys`] : []), ...after];
  if (all.length > 0) return all;
  return overlapEnd === null
    ? ["no key changes"]
    : [
        `no key changes; the overlap ends at ${overlapEnd}, and the first update after that retires the old keys`,
      ];
}

/** The instances that can't be reached, as many as can be shown. */
export function unreachableOf({ unreachable }: TargetReach): string {
  const more = unreachable.length - shownInstances;
  return `${unreachable.slice(0, shownInstances).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
