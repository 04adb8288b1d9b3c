import { availableParallelism } from "node:os";
import { askProgram, startProgram, stopProgram } from "../child-program.ts";
import type {
  InstancesChange,
  InstancesReady,
  InstancesRequest,
  InstancesSeen,
} from "../simulated-instances.ts";
import { acceptedTokens, type Workload, withoutControlTokens } from "../workload.ts";
import type { Asked, AskedBefore, RunRequest } from "./measure-run.ts";
import { type WayName, wayNames, ways } from "./ways.ts";

/** One run of one way, in a process of its own. */
export interface WayRun extends AskedBefore, Asked {
  /** All of it, without the cut-over itself. */
  wholeMs: number;
  /** Of the process that asks. */
  wholeCpuMs: number;
  /** That all instances together were sent, as they have counted. */
  requests: number;
  connections: number;
}

/** The ways in turn: what slows the machine in one round slows all of them. */
export type WayRound = Record<WayName, WayRun>;

export interface ConnectionsSize {
  instances: number;
  rounds: WayRound[];
}

/** What `--json` writes. */
export interface ConnectionsBenchResult {
  node: string;
  platform: string;
  cpus: number;
  concurrency: number;
  sizes: ConnectionsSize[];
}

/** Measures what it costs to ask every process of an instance, and to ask about a forged and a control token. */
export async function benchConnections(
  instances: readonly number[],
  workload: Workload,
  rounds: number,
): Promise<ConnectionsBenchResult> {
  const sizes: ConnectionsSize[] = [];
  for (const count of instances) sizes.push(await benchSize(count, workload, rounds));
  const { version: node, platform } = process;
  return { node, platform, cpus: availableParallelism(), concurrency: workload.concurrency, sizes };
}

async function benchSize(count: number, workload: Workload, rounds: number): Promise<ConnectionsSize> {
  const { questions } = workload;
  const request: InstancesRequest = {
    count,
    acceptedToken: "",
    apiRefreshToken: questions.fleet.apiRefreshTokens[0] ?? "",
    kids: questions.expectation.present,
  };
  const { child, answer } = await startProgram<InstancesReady>("simulated-instances.ts", request);
  const change = (changed: InstancesChange) => askProgram<InstancesSeen>(child, changed);
  try {
    // The instances' process is to be as warm for the first run as for the last.
    await runWay("unnamed", { urls: answer.urls.slice(0, 100), workload, change });
    const measured: WayRound[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      process.stderr.write(`${count} instances, round ${round} of ${rounds} …\n`);
      measured.push(await playRound(round, { urls: answer.urls, workload, change }));
    }
    return { instances: count, rounds: measured };
  } finally {
    await stopProgram(child);
  }
}

interface Bench {
  urls: string[];
  workload: Workload;
  change: (changed: InstancesChange) => Promise<InstancesSeen>;
}

/** Another way comes first in each round. */
async function playRound(round: number, bench: Bench): Promise<WayRound> {
  const runs: Partial<WayRound> = {};
  for (const index of wayNames.keys()) {
    const name = wayNames[(index + round) % wayNames.length] ?? "old";
    runs[name] = await runWay(name, bench);
  }
  const { old, named, unnamed } = runs;
  if (!old || !named || !unnamed) throw new Error("a way was not measured");
  return { old, named, unnamed };
}

async function runWay(name: WayName, { urls, workload: all, change }: Bench): Promise<WayRun> {
  const way = ways[name];
  const workload = way.isChecked ? all : withoutControlTokens(all);
  const answering = (when: "before" | "after") =>
    change({ acceptedTokens: acceptedTokens(workload, when), named: way.named });
  await answering("before");
  const request: RunRequest = { urls, workload, way };
  const { child, answer } = await startProgram<AskedBefore>("connections/measure-run.ts", request);
  try {
    const seenBefore = await answering("after");
    const asked = await askProgram<Asked>(child, {});
    const seenAfter = await answering("before");
    return {
      ...answer,
      ...asked,
      wholeMs: answer.beforeMs + asked.afterMs,
      wholeCpuMs: answer.beforeCpuMs + asked.afterCpuMs,
      requests: seenBefore.requests + seenAfter.requests,
      connections: seenBefore.connections + seenAfter.connections,
    };
  } finally {
    await stopProgram(child);
  }
}
