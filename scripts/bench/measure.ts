import type { Instance } from "#operations/fleet/instances";
import { bareUndici, type Contender, ours } from "./contenders.ts";
import type { Workload } from "./workload.ts";

/** Sent by the parent: what to measure. */
export interface MeasureRequest {
  what: "time" | "memory";
  urls: string[];
  workload: Workload;
  /** How often each contender runs; ignored for memory. */
  rounds: number;
}

/** Sent to the parent. */
export interface Measured {
  /** Milliseconds of each round. */
  oursMs: number[];
  /** Milliseconds of each round. */
  bareMs: number[];
  /** Processor time over wall time of our rounds; near 1, the client and not the server is the bottleneck. */
  oursCpu: number;
  /** Bytes above the idle process at the peak. */
  peakRssBytes: number;
}

const warmUpInstances = 100;

async function measureTime({ urls, workload, rounds }: MeasureRequest): Promise<Measured> {
  const instances = named(urls);
  const few = instances.slice(0, warmUpInstances);
  for (const contender of [ours, bareUndici]) await contender(few, workload);
  const [oursRuns, bareRuns]: [Run[], Run[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    oursRuns.push(await timed(ours, instances, workload));
    bareRuns.push(await timed(bareUndici, instances, workload));
  }
  const total = (runs: Run[], key: keyof Run) => runs.reduce((sum, run) => sum + run[key], 0);
  return {
    oursMs: oursRuns.map(({ ms }) => ms),
    bareMs: bareRuns.map(({ ms }) => ms),
    oursCpu: total(oursRuns, "cpuMs") / total(oursRuns, "ms"),
    peakRssBytes: 0,
  };
}

interface Run {
  ms: number;
  cpuMs: number;
}

async function timed(contender: Contender, instances: Instance[], workload: Workload): Promise<Run> {
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  await contender(instances, workload);
  const { user, system } = process.cpuUsage(cpu);
  return { ms: performance.now() - start, cpuMs: (user + system) / 1_000 };
}

/** In a process that does nothing else, because a peak can't be reset. */
async function measureMemory({ urls, workload }: MeasureRequest): Promise<Measured> {
  const idle = process.memoryUsage.rss();
  await ours(named(urls), workload);
  const peak = process.resourceUsage().maxRSS * 1_024;
  return { oursMs: [], bareMs: [], oursCpu: 0, peakRssBytes: peak - idle };
}

function named(urls: readonly string[]): Instance[] {
  return urls.map((url, index) => ({ name: `instance-${index}`, url }));
}

process.once("message", async (request: MeasureRequest) => {
  const measure = request.what === "time" ? measureTime : measureMemory;
  process.send?.(await measure(request), () => process.exit());
});
