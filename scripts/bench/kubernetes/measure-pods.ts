import type { Workload } from "../workload.ts";
import { barePortForward, ours, type PodsToDo } from "./pod-contenders.ts";
import { readWindow, resetPods } from "./pod-control.ts";

/** Sent by the parent first. Each later message asks for a round. */
export interface MeasurePodsRequest extends PodsToDo {
  controlUrl: string;
  workload: Workload;
  /** Each is tried with both contenders in every round. */
  concurrencies: readonly number[];
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

/** Answers the first message: our first run in a process that has loaded nothing yet. */
export interface MeasureReady {
  cold: PodRun;
}

/** Answers each later message: what was run at each concurrency. */
export type Round = { concurrency: number; ours: PodRun; bare: PodRun }[];

type Contender = (pods: PodsToDo, workload: Workload) => Promise<void>;

function runAt(request: MeasurePodsRequest, contender: Contender, concurrency: number): Promise<PodRun> {
  return timed(request.controlUrl, () => contender(request, { ...request.workload, concurrency }));
}

async function warmUp(request: MeasurePodsRequest): Promise<MeasureReady> {
  const { concurrency } = request.workload;
  const cold = await runAt(request, ours, concurrency);
  await runAt(request, barePortForward, concurrency);
  return { cold };
}

async function playRound(request: MeasurePodsRequest): Promise<Round> {
  const round: Round = [];
  for (const concurrency of request.concurrencies) {
    round.push({
      concurrency,
      ours: await runAt(request, ours, concurrency),
      bare: await runAt(request, barePortForward, concurrency),
    });
  }
  return round;
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
  const ready = await warmUp(request);
  process.on("message", async () => {
    process.send?.(await playRound(request));
  });
  process.send?.(ready);
});
process.once("disconnect", () => process.exit());
