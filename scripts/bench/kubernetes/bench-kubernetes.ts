import { availableParallelism } from "node:os";
import { startKubernetes } from "../../lab/kubernetes/kubernetes.ts";
import { startProgram, stopProgram } from "../child-program.ts";
import { median } from "../median.ts";
import { requestsPerInstance, type Workload } from "../workload.ts";
import { type BenchPods, startBenchPods } from "./bench-pods.ts";
import { type ByHand, measureByHand } from "./by-hand.ts";
import { findKubectl, type Kubectl } from "./kubectl.ts";
import type { ConcurrencyRuns, MeasuredPods, MeasurePodsRequest, PodRun } from "./measure-pods.ts";
import { podBaseline } from "./pod-contenders.ts";
import { measureRestart, type RolloutRestart } from "./rollout-restart.ts";

/** What was measured for one number of pods. */
export interface PodsResult {
  pods: number;
  /** Medians, at the concurrency that was asked for. */
  ours: PodRun;
  /** Our first run in a process that has loaded nothing yet. */
  cold: PodRun;
  /** Medians, at the concurrency at which it ends soonest. */
  bare: PodRun & { concurrency: number };
  byHand: ByHand;
  /** Undefined where there is no kubectl. */
  restart?: RolloutRestart;
  ratios: {
    /** The loop by hand over our exposure window. */
    byHandToWindow: number;
    /** The loop by hand over our whole run, which does five times as many requests. */
    byHandToWhole: number;
    /** Ours over bare; medians of each round's. */
    windowToBare: number;
    wholeToBare: number;
  };
  byConcurrency: ConcurrencyRuns[];
}

/** What `--json` writes with `--kubernetes`. */
export interface PodBenchResult {
  node: string;
  platform: string;
  cpus: number;
  concurrency: number;
  requestsPerPod: number;
  /** Undefined where there is none. */
  kubectl?: string;
  sizes: PodsResult[];
}

const triedConcurrencies = [2, 4, 8, 16, 32];

/**
 * Measures for each number of pods.
 *
 * @throws Error where the lab can't build its own control plane: pods of another cluster are no listeners of the bench
 */
export async function benchKubernetes(
  counts: readonly number[],
  workload: Workload,
): Promise<PodBenchResult> {
  if (process.env.LAB_KUBECONFIG) {
    throw new Error("The bench needs the lab's own control plane: unset LAB_KUBECONFIG.");
  }
  const progress = (line: string) => process.stderr.write(`${line}\n`);
  const kubectl = await findKubectl(progress);
  const kubernetes = await startKubernetes({ onProgress: progress });
  const sizes: PodsResult[] = [];
  try {
    for (const count of counts) {
      progress(`${count} pods …`);
      const pods = await startBenchPods(kubernetes, count, workload);
      try {
        sizes.push(await benchPods(pods, workload, kubectl));
      } finally {
        await pods.stop();
      }
    }
  } finally {
    await kubernetes.stop();
  }
  const { version: node, platform } = process;
  const { concurrency } = workload;
  return {
    node,
    platform,
    cpus: availableParallelism(),
    concurrency,
    requestsPerPod: requestsPerInstance,
    ...(kubectl ? { kubectl: kubectl.version } : {}),
    sizes,
  };
}

async function benchPods(
  pods: BenchPods,
  workload: Workload,
  kubectl: Kubectl | undefined,
): Promise<PodsResult> {
  const measured = await measurePods(pods, workload);
  const byHand = await measureByHand(pods, workload, { kubectl, rounds: 3 });
  // Last: its pods are others, and lead nowhere.
  const restarted = {
    kubeconfigPath: pods.kubeconfigPath,
    namespace: pods.target.namespace,
    name: pods.name,
  };
  const restart = kubectl && (await measureRestart(kubectl, restarted, 3));
  return summarize(pods.podNames.length, workload.concurrency, measured, byHand, restart);
}

/** In a process of its own, in which nothing else runs. */
async function measurePods(pods: BenchPods, workload: Workload): Promise<MeasuredPods> {
  const { kubeconfigPath, target, podNames, controlUrl } = pods;
  const { concurrency } = workload;
  const { child, answer } = await startProgram<MeasuredPods>("kubernetes/measure-pods.ts", {
    kubeconfigPath,
    target,
    podNames,
    controlUrl,
    baseline: await podBaseline(target),
    workload,
    concurrencies: [...new Set([...triedConcurrencies, concurrency])].toSorted((a, b) => a - b),
    rounds: podNames.length >= 100 ? 3 : 7,
  } satisfies MeasurePodsRequest);
  await stopProgram(child);
  return answer;
}

function summarize(
  pods: number,
  concurrency: number,
  { cold, runs }: MeasuredPods,
  byHand: ByHand,
  restart: RolloutRestart | undefined,
): PodsResult {
  const ourRuns = runs.find((one) => one.concurrency === concurrency)?.ours ?? [];
  const best = runs.toSorted((a, b) => medianRun(a.bare).wholeMs - medianRun(b.bare).wholeMs)[0];
  const bareRuns = best?.bare ?? [];
  const ours = medianRun(ourRuns);
  const ratio = (key: "windowMs" | "wholeMs") =>
    median(ourRuns.map((run, round) => run[key] / (bareRuns[round]?.[key] ?? Number.NaN)));
  return {
    pods,
    ours,
    cold,
    bare: { concurrency: best?.concurrency ?? concurrency, ...medianRun(bareRuns) },
    byHand,
    ...(restart ? { restart } : {}),
    ratios: {
      byHandToWindow: byHand.ms / ours.windowMs,
      byHandToWhole: byHand.ms / ours.wholeMs,
      windowToBare: ratio("windowMs"),
      wholeToBare: ratio("wholeMs"),
    },
    byConcurrency: runs,
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
