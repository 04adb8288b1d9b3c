import Table from "cli-table3";
import type { Sequential } from "./sequential.ts";

/** What was measured for one number of instances. */
export interface SizeResult {
  instances: number;
  requests: number;
  /** Median of the rounds, milliseconds. */
  oursMs: number;
  /** Median of the rounds, milliseconds. */
  bareMs: number;
  /** Median of each round's bare / ours: 1 is as fast as undici alone. By round, because the machine may be shared. */
  ratio: number;
  /** Our milliseconds per instance. */
  msPerInstance: number;
  oursCpu: number;
  peakRssBytes: number;
  sequential: Sequential;
  /** sequential.ms / oursMs. */
  speedUp: number;
  rounds: { oursMs: number[]; bareMs: number[] };
}

/** What `--json` writes. */
export interface BenchResult {
  node: string;
  platform: string;
  cpus: number;
  concurrency: number;
  requestsPerInstance: number;
  sizes: SizeResult[];
}

export const aims = {
  ratio: { instances: 1_000, atLeast: 0.8 },
  memory: { instances: 10_000, underMb: 150 },
};

/** Share of a core below which the client was not the bottleneck. */
const leastCpu = 0.9;

const head = [
  "instances",
  "ours ms",
  "bare undici ms",
  "bare/ours",
  "one by one ms",
  "speed-up",
  "peak MB over idle",
  "ms/instance",
  "client CPU",
];

/** The results as a table, and beneath it whether the aims are met. */
export function renderBench({ sizes }: BenchResult): string {
  const table = new Table({ head, colAligns: head.map(() => "right"), style: { head: [], border: [] } });
  table.push(...sizes.map(row));
  return [table.toString(), legend(sizes), ...aimLines(sizes)].join("\n");
}

function row(size: SizeResult): string[] {
  const { sequential } = size;
  return [
    whole(size.instances),
    whole(size.oursMs),
    whole(size.bareMs),
    size.ratio.toFixed(2),
    `${sequential.extrapolated ? "~" : ""}${whole(sequential.ms)}`,
    `${size.speedUp.toFixed(0)}x`,
    megabytes(size.peakRssBytes).toFixed(0),
    size.msPerInstance.toFixed(2),
    `${(size.oursCpu * 100).toFixed(0)} %`,
  ];
}

function legend(sizes: readonly SizeResult[]): string {
  const tool = sizes[0]?.sequential.tool ?? "curl";
  const what =
    tool === "curl" ? "curl, a process per request" : "undici without concurrency (no curl on PATH)";
  return `One by one: ${what}; ~ is reckoned from 100 instances.`;
}

function aimLines(sizes: readonly SizeResult[]): string[] {
  const { ratio, memory } = aims;
  return sizes.flatMap((size) => {
    if (size.instances === ratio.instances) return [ratioAim(size)];
    if (size.instances === memory.instances)
      return [
        aim(
          `memory at ${memory.instances} < ${memory.underMb} MB over idle`,
          megabytes(size.peakRssBytes) < memory.underMb,
        ),
      ];
    return [];
  });
}

/** On a busy machine both contenders wait for others, and look alike: that is no result. */
function ratioAim({ oursCpu, ratio: measured }: SizeResult): string {
  const text = `bare/ours at ${aims.ratio.instances} >= ${aims.ratio.atLeast}`;
  if (oursCpu >= leastCpu) return aim(text, measured >= aims.ratio.atLeast);
  return `Aim: ${text}: NOT JUDGED, the client had only ${(oursCpu * 100).toFixed(0)} % of a core; run it on an idle machine`;
}

function aim(text: string, met: boolean): string {
  return `Aim: ${text}: ${met ? "met" : "MISSED"}`;
}

function megabytes(bytes: number): number {
  return bytes / 1_048_576;
}

function whole(value: number): string {
  return value.toLocaleString("en-GB", { maximumFractionDigits: value < 100 ? 1 : 0 });
}
