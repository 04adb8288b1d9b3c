import type { Evidence } from "../../evidence-schema.ts";
import { type Html, outcome, table, when } from "./html.ts";

/** The phases in words, for who can't see the picture. */
export function phaseTable({ phases }: Evidence): Html {
  return table(
    "Phases",
    ["Phase", "Outcome", "Start", "End", "Seconds", "What happened"],
    phases.map((one) => [
      one.phase,
      outcome(one.outcome),
      when(one.startedAt),
      when(one.finishedAt),
      ((Date.parse(one.finishedAt) - Date.parse(one.startedAt)) / 1000).toFixed(2),
      one.error ?? one.summary,
    ]),
  );
}
