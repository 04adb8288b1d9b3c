import Table from "cli-table3";
import { median } from "../median.ts";
import type { ConnectionsBenchResult, ConnectionsSize, WayRun } from "./bench-connections.ts";
import { type WayName, wayNames, ways } from "./ways.ts";

export const connectionAims = {
  /** In times of the old way. */
  named: 1.1,
  /** In times of the old way. */
  unnamed: 2.5,
  /** The most resident memory of the process that asks, by the number of instances. */
  peakMb: new Map([
    [1_000, 150],
    [10_000, 300],
  ]),
};

type Figure = keyof WayRun;

const head = [
  "instances",
  "way",
  "before ms",
  "window ms",
  "whole ms",
  "window CPU ms",
  "whole CPU ms",
  "peak MB",
  "over idle",
  "requests",
  "connections",
];

/** The results as a table, and beneath it what they mean and whether the aims are met. */
export function renderConnectionsBench({ sizes }: ConnectionsBenchResult): string {
  const table = new Table({ head, colAligns: head.map(() => "right"), style: { head: [], border: [] } });
  table.push(...sizes.flatMap((size) => wayNames.map((name) => cells(size, name))));
  return [
    table.toString(),
    "Medians. In brackets how many times the old way's in the same round: median, least and most.",
    "Before: every instance is asked while the key is trusted. Window: from the cut-over to the last instance's proof.",
    "Whole: before, refresh and verification. CPU: processor time of the process that asks, which other work on the machine",
    "disturbs less. Peak: its resident memory, in a new process for each run; over idle: without what it held at the start.",
    "Requests and connections: of one instance, as the instances count.",
    "Old way, emulated: probe.connections is 1, no forged token is shown before the cut-over, and no control token after it.",
    "Names itself: instances that answer with `JWKS-Process: x; of=1`.",
    ...sizes.flatMap(aimLines),
  ].join("\n");
}

function cells(size: ConnectionsSize, name: WayName): string[] {
  const beside = (figure: Figure) => `${whole(medianOf(size, name, figure))}${besideOld(size, name, figure)}`;
  const perInstance = (figure: Figure) => whole(medianOf(size, name, figure) / size.instances);
  return [
    whole(size.instances),
    ways[name].title,
    beside("beforeMs"),
    beside("windowMs"),
    beside("wholeMs"),
    beside("afterCpuMs"),
    beside("wholeCpuMs"),
    `${peakMb(size, name).toFixed(0)}${besideOld(size, name, "peakRssBytes")}`,
    megabytes(overIdle(size, name)).toFixed(0),
    perInstance("requests"),
    perInstance("connections"),
  ];
}

function besideOld(size: ConnectionsSize, name: WayName, figure: Figure): string {
  if (name === "old") return "";
  const ratios = ratiosOf(size, name, figure);
  const [middle, least, most] = [median(ratios), Math.min(...ratios), Math.max(...ratios)];
  return ` (${middle.toFixed(2)}x, ${least.toFixed(2)}–${most.toFixed(2)})`;
}

/** Each round's ratio to the old way in the same round, because the machine may be shared. */
function ratiosOf({ rounds }: ConnectionsSize, name: WayName, figure: Figure): number[] {
  return rounds.map((round) => round[name][figure] / Math.max(1, round.old[figure]));
}

function medianOf({ rounds }: ConnectionsSize, name: WayName, figure: Figure): number {
  return median(rounds.map((round) => round[name][figure]));
}

function peakMb(size: ConnectionsSize, name: WayName): number {
  return megabytes(medianOf(size, name, "peakRssBytes"));
}

function overIdle({ rounds }: ConnectionsSize, name: WayName): number {
  return median(rounds.map((round) => round[name].peakRssBytes - round[name].idleRssBytes));
}

function aimLines(size: ConnectionsSize): string[] {
  const { named, unnamed } = connectionAims;
  return [
    ratioAim(size, "named", "window", named),
    ratioAim(size, "named", "whole", named),
    ratioAim(size, "unnamed", "window", unnamed),
    ...wayNames.flatMap((name) => memoryAim(size, name)),
  ];
}

function ratioAim(size: ConnectionsSize, name: WayName, what: "window" | "whole", most: number): string {
  const ratio = median(ratiosOf(size, name, `${what}Ms`));
  const cpu = median(ratiosOf(size, name, what === "window" ? "afterCpuMs" : "wholeCpuMs"));
  const shown = `(${ratio.toFixed(2)}; CPU ${cpu.toFixed(2)})`;
  return `Aim: ${subject(size, name)}: ${what} / old way <= ${most}: ${verdict(ratio, most)} ${shown}`;
}

function memoryAim(size: ConnectionsSize, name: WayName): string[] {
  const most = connectionAims.peakMb.get(size.instances);
  if (most === undefined) return [];
  const peak = peakMb(size, name);
  const shown = `(${peak.toFixed(0)}; ${megabytes(overIdle(size, name)).toFixed(0)} over idle)`;
  return [`Aim: ${subject(size, name)}: peak MB <= ${most}: ${verdict(peak, most)} ${shown}`];
}

function subject({ instances }: ConnectionsSize, name: WayName): string {
  return `${whole(instances)} instances, ${ways[name].title}`;
}

function verdict(value: number, most: number): string {
  return value <= most ? "met" : "MISSED";
}

function megabytes(bytes: number): number {
  return bytes / 1_048_576;
}

function whole(value: number): string {
  return value.toLocaleString("en-GB", { maximumFractionDigits: value < 100 ? 1 : 0 });
}
