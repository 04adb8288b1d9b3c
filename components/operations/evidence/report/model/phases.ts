import type { Evidence } from "../../evidence-schema.ts";
import { table } from "./blocks.ts";
import type { Table } from "./report.ts";
import { outcome, seconds, time } from "./text.ts";

export function phaseTable({ phases }: Evidence): Table[] {
  return table(
    "Phases",
    ["Phase", "Outcome", "Start", "End", "Duration", "What happened"],
    phases.map((one) => [
      one.phase,
      outcome(one.outcome),
      time(one.startedAt),
      time(one.finishedAt),
      seconds(Date.parse(one.finishedAt) - Date.parse(one.startedAt)),
      one.error ?? one.summary,
    ]),
  );
}
