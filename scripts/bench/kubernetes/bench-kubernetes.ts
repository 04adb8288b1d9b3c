import { availableParallelism, loadavg } from "node:os";
import { type LabKubernetes, startKubernetes } from "../../lab/kubernetes/kubernetes.ts";
import { median } from "../median.ts";
import { requestsPerInstance, type Workload } from "../workload.ts";
import { startBenchPods } from "./bench-pods.ts";
import type { ByHand } from "./by-hand.ts";
import { findKubectl, type Kubectl } from "./kubectl.ts";
import type { PodRun } from "./measure-pods.ts";
import { type ConcurrencyRuns, type MeasuredPods, measurePods, medianRun } from "./pod-rounds.ts";
import { hasRoomFor, measureProcessRestart } from "./process-restart.ts";
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
  /** Of pods that are ready as soon as they are made. Undefined where there is no kubectl. */
  restart?: RolloutRestart;
  /** Of pods with a sample API's process each. Undefined where there is no kubectl, or too little memory. */
  processRestart?: RolloutRestart;
  ratios: {
    /** The loop by hand over our exposure window. This and the others: medians of each round's. */
    byHandToWindow: number;
    /** The loop by hand over our whole run, which does five times as many requests. */
    byHandToWhole: number;
    /** Ours over bare. */
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
  /** Processes that wanted a processor in the minute before the bench, on average. 0 where the system does not say. */
  loadBefore: number;
  concurrency: number;
  requestsPerPod: number;
  /** Undefined where there is none. */
  kubectl?: string;
  sizes: PodsResult[];
}

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
  const [loadBefore = 0] = loadavg();
  const progress = (line: string) => process.stderr.write(`${line}\n`);
  const kubectl = await findKubectl(progress);
  const kubernetes = await startKubernetes({ onProgress: progress });
  const sizes: PodsResult[] = [];
  try {
    for (const count of counts) {
      progress(`${count} pods …`);
      const measured = await benchPods(kubernetes, count, workload, kubectl);
      const processRestart =
        kubectl && hasRoomFor(count) && (await measureProcessRestart(kubernetes, kubectl, count));
      sizes.push({ ...measured, ...(processRestart ? { processRestart } : {}) });
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
    loadBefore,
    concurrency,
    requestsPerPod: requestsPerInstance,
    ...(kubectl ? { kubectl: kubectl.version } : {}),
    sizes,
  };
}

async function benchPods(
  kubernetes: LabKubernetes,
  count: number,
  workload: Workload,
  kubectl: Kubectl | undefined,
): Promise<PodsResult> {
  const pods = await startBenchPods(kubernetes, count, workload);
  try {
    const measured = await measurePods(pods, workload, kubectl);
    const { kubeconfigPath, target, name } = pods;
    const restarted = { kubeconfigPath, namespace: target.namespace, name };
    // Last: its pods are others, and lead nowhere.
    const restart = kubectl && (await measureRestart(kubectl, restarted, 3));
    return { ...summarize(count, workload.concurrency, measured), ...(restart ? { restart } : {}) };
  } finally {
    await pods.stop();
  }
}

function summarize(
  pods: number,
  concurrency: number,
  { cold, byConcurrency, byHand }: MeasuredPods,
): PodsResult {
  const ourRuns = byConcurrency.find((one) => one.concurrency === concurrency)?.ours ?? [];
  const best = byConcurrency.toSorted((a, b) => medianRun(a.bare).wholeMs - medianRun(b.bare).wholeMs)[0];
  const bareRuns = best?.bare ?? [];
  const ours = medianRun(ourRuns);
  const toBare = (key: "windowMs" | "wholeMs") =>
    median(ourRuns.map((run, round) => run[key] / (bareRuns[round]?.[key] ?? Number.NaN)));
  const byHandTo = (key: "windowMs" | "wholeMs") =>
    median(ourRuns.map((run, round) => (byHand.rounds[round] ?? Number.NaN) / run[key]));
  return {
    pods,
    ours,
    cold,
    bare: { concurrency: best?.concurrency ?? concurrency, ...medianRun(bareRuns) },
    byHand,
    ratios: {
      byHandToWindow: byHandTo("windowMs"),
      byHandToWhole: byHandTo("wholeMs"),
      windowToBare: toBare("windowMs"),
      wholeToBare: toBare("wholeMs"),
    },
    byConcurrency,
  };
}
