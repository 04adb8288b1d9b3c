import { readFile } from "node:fs/promises";
import { forgersKey } from "#operations/canaries/forged-tokens";
import type { Instance, OpenInstance } from "#operations/fleet/instances";
import { sweep } from "#operations/fleet/sweep";
import { openTarget } from "#operations/fleet/targets";
import { askForBaseline, lateBaseline } from "#operations/proof/baseline";
import type { Baseline } from "#operations/proof/canary-findings";
import { probeEveryProcess } from "#operations/proof/live-token";
import { ours } from "../contenders.ts";
import { acceptedBefore, canariesOf, type Workload } from "../workload.ts";
import type { Way } from "./ways.ts";

/** Sent by the parent. */
export interface RunRequest {
  urls: string[];
  workload: Workload;
  way: Way;
}

/** Answers it, once every instance was asked before the cut-over. The next message says that the key is retired. */
export interface AskedBefore {
  beforeMs: number;
  /** Processor time of this process until then, without its start. */
  beforeCpuMs: number;
}

/** Answers that one. */
export interface Asked {
  /** From the cut-over to the last instance's proof: the exposure window. */
  windowMs: number;
  /** From the cut-over until all was verified. */
  afterMs: number;
  /** Processor time of this process from the cut-over on. */
  afterCpuMs: number;
  /** Of this process, before it asked anyone. */
  idleRssBytes: number;
  peakRssBytes: number;
}

/** As in an emergency, and far enough away that all are asked: speed counts only for right answers. */
const emergency = { concurrency: 256, budgetMs: 1_800_000 };

/** Asks every instance before the cut-over, as in an emergency. */
async function askBefore(
  instances: readonly Instance[],
  { workload: { questions }, way }: RunRequest,
): Promise<Baseline[]> {
  const { fleet } = questions;
  const canaries = canariesOf(questions);
  const askUnchecked = async (instance: OpenInstance): Promise<Baseline> => {
    for (const { seen } of canaries) await probeEveryProcess(instance, fleet.probe, seen.token, "accepted");
    return acceptedBefore(instance.name);
  };
  const target = await openTarget({ kind: "static", name: "static", instances: [...instances] });
  const options = {
    concurrency: emergency.concurrency,
    readyTimeoutMs: 0,
    deadline: {
      at: Date.now() + emergency.budgetMs,
      late: (instance: Instance) => lateBaseline(instance, canaries),
    },
  };
  const { results } = await sweep<Baseline>([target], options, (instance) =>
    way.isChecked ? askForBaseline(instance, { ...fleet, targets: [] }, canaries) : askUnchecked(instance),
  );
  return results.map(({ value }) => value);
}

async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; cpuMs: number; value: T }> {
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  const value = await work();
  const { user, system } = process.cpuUsage(cpu);
  return { ms: performance.now() - start, cpuMs: (user + system) / 1_000, value };
}

/** On Linux `maxRSS` starts at what the parent had when it made this process; VmHWM does not. */
async function peakRssBytes(): Promise<number> {
  const status = await readFile("/proc/self/status", "utf8").catch(() => "");
  const peakKb = /^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1] ?? process.resourceUsage().maxRSS;
  return Number(peakKb) * 1_024;
}

/** One emergency in a process that does nothing else, because a peak can't be reset. */
process.once("message", async (request: RunRequest) => {
  const { urls, workload, way } = request;
  const instances = urls.map((url, index) => ({
    name: `instance-${index}`,
    url,
    connections: way.connections,
  }));
  // Every way forges tokens in the end, so the key for that is no difference between them.
  for (const { algorithm } of canariesOf(workload.questions)) await forgersKey(algorithm);
  const idleRssBytes = process.memoryUsage.rss();
  const before = await timed(() => askBefore(instances, request));
  process.once("message", async () => {
    const retiredAt = Date.now();
    const after = await timed(() => ours(instances, workload, before.value));
    const proven = after.value.map(({ provenAt = "" }) => Date.parse(provenAt));
    const asked: Asked = {
      windowMs: proven.reduce((last, at) => Math.max(last, at), retiredAt) - retiredAt,
      afterMs: after.ms,
      afterCpuMs: after.cpuMs,
      idleRssBytes,
      peakRssBytes: await peakRssBytes(),
    };
    process.send?.(asked, () => process.exit());
  });
  const answer: AskedBefore = { beforeMs: before.ms, beforeCpuMs: before.cpuMs };
  process.send?.(answer);
});
process.once("disconnect", () => process.exit());
