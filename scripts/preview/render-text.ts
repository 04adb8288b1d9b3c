import { oneLine } from "../one-line.ts";
import type { PreviewSummary } from "./preview-summary.ts";
import { actionsOf, factsOf, headline, unreachableOf } from "./words.ts";

/** The summary for a terminal or a log. Pure. */
export function renderText(summary: PreviewSummary): string {
  const { stack, problems, warnings, realms, targets, outcome } = summary;
  const lines = [
    `Stack ${stack}: ${headline(summary)}`,
    "",
    ...section("Problems (nothing was touched)", problems),
    ...section("Warnings", warnings),
    ...factsOf(summary).map(([name, value]) => `${name.padEnd(10)} ${oneLine(value)}`),
    "",
    ...(outcome === "refused"
      ? []
      : realms.flatMap((realm) => [
          ...section(`Realm ${realm.realm}`, actionsOf(realm)),
          ...(realm.problems.length > 0 ? [] : section("Users will notice", realm.users)),
        ])),
    ...targets
      .filter(({ unreachable }) => unreachable.length > 0)
      .flatMap((target) => section(`Target ${target.name}: unreachable`, [unreachableOf(target)])),
  ];
  return `${lines.join("\n").trimEnd()}\n`;
}

function section(title: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  return [`${title}:`, ...lines.map((line) => `  - ${line.trim().replaceAll("\n", "\n    ")}`), ""];
}
