import type { Workload } from "../workload.ts";
import { barePortForward, ours, type PodsToDo } from "./pod-contenders.ts";
import { readWindow, resetPods } from "./pod-control.ts";

/** Sent by the parent: what to measure. */
export interface MeasurePodsRequest extends PodsToDo {
  controlUrl: string;
  workload: Workload;
  /** Each is tried with both contenders in every round. */
  concurrencies: readonly number[];
  rounds: number;
}

/** One run of a contender. Milliseconds from its start. */
export interface PodRun {
  /** Until the last pod refused a canary, by that pod's clock: the exposure window. */
  windowMs: number;
  /** Until all was verified. */
  wholeMs: number;
  /** Of this process's processor time. */
  cpuMs: number;
}

/** Each round's runs at one concurrency. */
export interface ConcurrencyRuns {
  concurrency: number;
  ours: PodRun[];
  bare: PodRun[];
}

/** Sent to the parent. */
export interface MeasuredPods {
  /** Our first run in a process that has loaded nothing yet. */
  cold: PodRun;
  runs: ConcurrencyRuns[];
}

type Contender = (pods: PodsToDo, workload: Workload) => Promise<void>;

async function measure(request: MeasurePodsRequest): Promise<MeasuredPods> {
  const at = (contender: Contender, concurrency: number) =>
    timed(request.controlUrl, () => contender(request, { ...request.workload, concurrency }));
  const cold = await at(ours, request.workload.concurrency);
  await at(barePortForward, request.workload.concurrency);
  const runs: ConcurrencyRuns[] = request.concurrencies.map((concurrency) => ({
    concurrency,
    ours: [],
    bare: [],
  }));
  for (let round = 0; round < request.rounds; round += 1) {
    for (const one of runs) {
      one.ours.push(await at(ours, one.concurrency));
      one.bare.push(await at(barePortForward, one.concurrency));
    }
  }
  return { cold, runs };
}

async function timed(controlUrl: string, work: () => Promise<void>): Promise<PodRun> {
  await resetPods(controlUrl);
  const [start, cpu] = [performance.timeOrigin + performance.now(), process.cpuUsage()];
  await work();
  const wholeMs = performance.timeOrigin + performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { windowMs: await readWindow(controlUrl, start), wholeMs, cpuMs: (user + system) / 1_000 };
}

process.once("message", async (request: MeasurePodsRequest) => {
  process.send?.(await measure(request), () => process.exit());
});
