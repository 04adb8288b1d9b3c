import { stripVTControlCharacters } from "node:util";
import { LineBudget } from "./progress.ts";
import { phaseNames } from "./run-context.ts";
import type { SideBySide } from "./side-by-side.ts";

/** What a line of progress may be of: a phase of a run, or one of three steps around it. */
export const reporterNames = [...phaseNames, "token", "evidence", "thaw"] as const;
export type Reporter = (typeof reporterNames)[number];

const budgets = new Map<string, LineBudget>();

/**
 * Shows one line, whatever was shown before. Pulumi forwards a provider's standard output as it comes.
 * @param run names the realm where the run has several
 */
export function report(phase: Reporter, line: string, run?: SideBySide): void {
  const { prefix, budget } = reporterOf(phase, run);
  console.log(`${prefix} ${printable(budget.close(line))}`);
}

/** Makes a function that shows lines of progress as they come, and leaves some out where there are too many. */
export function progressOf(phase: Reporter, run?: SideBySide): (line: string) => void {
  const { prefix, budget } = reporterOf(phase, run);
  return (line) => {
    const shown = budget.take(line);
    if (shown !== undefined) console.log(`${prefix} ${printable(shown)}`);
  };
}

/** What an instance or a command has written must not move the reader's cursor, nor look like a line of ours. */
export function printable(text: string): string {
  return stripVTControlCharacters(text).replace(/[^\P{Cc}\n]|[\u202a-\u202e\u2066-\u2069]/gu, " ");
}

function reporterOf(phase: Reporter, run?: SideBySide): { prefix: string; budget: LineBudget } {
  const where = run && run.realms.length > 1 ? `${run.realm} ` : "";
  const key = `${run?.realm ?? ""} ${phase}`;
  const budget = budgets.get(key) ?? new LineBudget();
  budgets.set(key, budget);
  return { prefix: `[${where}${phase}]`, budget };
}
