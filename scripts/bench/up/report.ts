import Table from "cli-table3";
import { median } from "../median.ts";
import type { UpBenchResult } from "./bench-up.ts";
import type { UpResult, UpRound } from "./measure-up.ts";

export const upAims = {
  /** From Enter, whatever the instances do. */
  deadMs: 10_000,
  /** The exposure window, in refresh fan-outs. */
  windowToFanOut: 2,
  /** The whole emergency, in `up`s that change nothing. */
  wholeToUnchanged: { instances: 5, ratio: 1.5 },
  /** An `up` that changes nothing, in those of an empty program on the local engine. */
  unchangedToEmpty: 1.5,
};

const head = [
  "answer",
  "hang",
  "freeze",
  "dead ms",
  "window ms",
  "fan-out ms",
  "emergency ms",
  "unchanged ms",
  "empty ms",
  "preview ms",
  "empty preview ms",
];

/** The results as a table, and beneath it what they mean and whether the aims are met. */
export function renderUpBench({ rows, engine }: UpBenchResult): string {
  const table = new Table({ head, colAligns: head.map(() => "right"), style: { head: [], border: [] } });
  table.push(...rows.map(cells));
  return [
    table.toString(),
    "Milliseconds, medians; in brackets how many times an empty program's on the same engine, round by round.",
    "Dead: from the engine's start to the old key's disabling. Window: from there to the last instance's proof (in",
    "brackets: times the refresh fan-out); a dash where an instance is unproven. Preview: of the emergency.",
    "Beside hanging instances a probe may take 6 s, longer than the budget, and is not repeated.",
    ...rows.flatMap((row) => aimLines(row, engine)),
  ].join("\n");
}

function cells(row: UpResult): string[] {
  return [
    whole(row.answering),
    whole(row.hanging),
    row.freeze,
    beside(row, "dead", "emptyUp"),
    beside(row, "window", "fanOut"),
    beside(row, "fanOut"),
    beside(row, "whole", "emptyUp"),
    beside(row, "unchanged", "emptyUp"),
    beside(row, "emptyUp"),
    beside(row, "preview", "emptyPreview"),
    beside(row, "emptyPreview"),
  ];
}

function beside(row: UpResult, what: keyof UpRound, to?: keyof UpRound): string {
  const ms = medianOf(row, what);
  if (ms === undefined) return "-";
  const times = to && ratioOf(row, what, to);
  return times === undefined ? whole(ms) : `${whole(ms)} (${times.toFixed(1)}x)`;
}

/** Undefined where no round has it. */
export function medianOf({ rounds }: UpResult, what: keyof UpRound): number | undefined {
  const values = rounds.flatMap((round) => round[what] ?? []);
  return values.length > 0 ? median(values) : undefined;
}

/** Median of each round's ratio: by round, because the machine may be shared. */
export function ratioOf({ rounds }: UpResult, what: keyof UpRound, to: keyof UpRound): number | undefined {
  const ratios = rounds.flatMap((round) => {
    const [ms, other] = [round[what], round[to]];
    return ms === undefined || other === undefined ? [] : ms / Math.max(1, other);
  });
  return ratios.length > 0 ? median(ratios) : undefined;
}

function aimLines(row: UpResult, engine: string): string[] {
  const where = `${row.answering} answer, ${row.hanging} hang`;
  const { deadMs, windowToFanOut, wholeToUnchanged, unchangedToEmpty } = upAims;
  const aim = (what: string, value: number | undefined, most: number) =>
    value === undefined ? [] : [`Aim: ${where}: ${what} <= ${most}: ${verdict(value, most)}`];
  return [
    ...aim("dead ms", medianOf(row, "dead"), deadMs),
    ...aim("window / fan-out", ratioOf(row, "window", "fanOut"), windowToFanOut),
    ...(row.answering === wholeToUnchanged.instances
      ? aim("emergency / unchanged", ratioOf(row, "whole", "unchanged"), wholeToUnchanged.ratio)
      : []),
    ...(engine === "local"
      ? aim("unchanged / empty program", ratioOf(row, "unchanged", "emptyUp"), unchangedToEmpty)
      : []),
  ];
}

function verdict(value: number, most: number): string {
  const shown = most < 100 ? value.toFixed(1) : whole(value);
  return `${value <= most ? "met" : "MISSED"} (${shown})`;
}

function whole(value: number): string {
  return value.toLocaleString("en-GB", { maximumFractionDigits: value < 100 ? 1 : 0 });
}
