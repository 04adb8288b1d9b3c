import { askProgram, startProgram, stopProgram } from "../child-program.ts";
import { median } from "../median.ts";
import type { Workload } from "../workload.ts";
import type { BenchPods } from "./bench-pods.ts";
import { type ByHand, byHandTool, measuredByHand, playByHand } from "./by-hand.ts";
import type { Kubectl } from "./kubectl.ts";
import type { MeasurePodsRequest, MeasureReady, PodRun, Round } from "./measure-pods.ts";
import { podBaseline } from "./pod-contenders.ts";

/** Each round's runs at one concurrency. */
export interface ConcurrencyRuns {
  concurrency: number;
  ours: PodRun[];
  bare: PodRun[];
}

export interface MeasuredPods {
  /** Our first run in a process that has loaded nothing yet. */
  cold: PodRun;
  byConcurrency: ConcurrencyRuns[];
  byHand: ByHand;
}

const triedConcurrencies = [2, 4, 8, 16, 32];

/** Rounds of all contenders in turn, because the machine may be shared: what slows one round slows all of them. */
export async function measurePods(
  pods: BenchPods,
  workload: Workload,
  kubectl: Kubectl | undefined,
): Promise<MeasuredPods> {
  const request = await measureRequest(pods, workload);
  const { child, answer } = await startProgram<MeasureReady>("kubernetes/measure-pods.ts", request);
  const rounds: Round[] = [];
  const loops: number[] = [];
  try {
    for (let left = pods.podNames.length >= 100 ? 3 : 5; left > 0; left -= 1) {
      rounds.push(await askProgram<Round>(child, {}));
      loops.push(await playByHand(pods, workload, kubectl));
    }
  } finally {
    await stopProgram(child);
  }
  const byConcurrency = request.concurrencies.map((concurrency) => {
    const runs = rounds.flatMap((round) => round.filter((run) => run.concurrency === concurrency));
    return { concurrency, ours: runs.map(({ ours }) => ours), bare: runs.map(({ bare }) => bare) };
  });
  const measuredPods = measuredByHand(pods.podNames.length);
  const byHand = { tool: byHandTool(kubectl), ms: median(loops), rounds: loops, measuredPods };
  return { cold: answer.cold, byConcurrency, byHand };
}

async function measureRequest(pods: BenchPods, workload: Workload): Promise<MeasurePodsRequest> {
  const { kubeconfigPath, target, podNames, controlUrl } = pods;
  const concurrencies = [...new Set([...triedConcurrencies, workload.concurrency])];
  return {
    kubeconfigPath,
    target,
    podNames,
    controlUrl,
    baseline: await podBaseline(target),
    workload,
    concurrencies: concurrencies.toSorted((a, b) => a - b),
  };
}

/** The median of each figure. */
export function medianRun(runs: readonly PodRun[]): PodRun {
  return {
    windowMs: median(runs.map(({ windowMs }) => windowMs)),
    wholeMs: median(runs.map(({ wholeMs }) => wholeMs)),
    cpuMs: median(runs.map(({ cpuMs }) => cpuMs)),
  };
}
