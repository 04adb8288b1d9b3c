import Table from "cli-table3";
import type { PodBenchResult, PodsResult } from "./bench-kubernetes.ts";
import type { PodRun } from "./measure-pods.ts";
import { medianRun } from "./pod-rounds.ts";
import type { RolloutRestart } from "./rollout-restart.ts";

export const podAims = {
  pods: 50,
  /** How many times shorter than the loop by hand. */
  byHand: 20,
  /** At the most so many times as long as bare port-forwarding. */
  bare: 2,
};

/** The results as tables, and beneath them what they mean and whether the aims are met. */
export function renderPodBench(result: PodBenchResult): string {
  const { sizes } = result;
  return [
    mainTable(sizes),
    "Milliseconds, medians. Window: from the start to the last pod's first refusal of the canary, by the pods' clocks;",
    "it falls in enforce. Whole: until all is verified. First run: in a process that has loaded nothing yet.",
    ...legend(result),
    "",
    ...sizes.map(concurrencyTable),
    "Window / whole ms, and client CPU ms, at each concurrency.",
    "",
    ...sizes.filter(({ pods }) => pods === podAims.pods).flatMap(aimLines),
    ...busyLine(result),
  ].join("\n");
}

function mainTable(sizes: readonly PodsResult[]): string {
  const table = newTable([
    "pods",
    "our window",
    "our whole",
    "first run",
    "by hand",
    "hand/window",
    "hand/whole",
    "bare window",
    "bare whole",
    "ours/bare",
    "restart",
    "with processes",
  ]);
  for (const { pods, ours, cold, bare, byHand, restart, processRestart, ratios } of sizes) {
    const reckoned = byHand.measuredPods < pods ? "~" : "";
    table.push([
      String(pods),
      ms(ours.windowMs),
      ms(ours.wholeMs),
      runText(cold),
      `${reckoned}${ms(byHand.ms)}`,
      times(ratios.byHandToWindow),
      times(ratios.byHandToWhole),
      ms(bare.windowMs),
      `${ms(bare.wholeMs)} (at ${bare.concurrency})`,
      `${times(ratios.windowToBare)} / ${times(ratios.wholeToBare)}`,
      restartText(restart, ours),
      restartText(processRestart, ours),
    ]);
  }
  return table.toString();
}

function restartText(restart: RolloutRestart | undefined, { windowMs }: PodRun): string {
  return restart ? `${ms(restart.ms)} (${times(restart.ms / windowMs)})` : "-";
}

function concurrencyTable({ pods, byConcurrency }: PodsResult): string {
  const table = newTable([`${pods} pods`, ...byConcurrency.map(({ concurrency }) => `at ${concurrency}`)]);
  table.push(
    ["ours", ...byConcurrency.map(({ ours }) => runText(medianRun(ours)))],
    ["bare", ...byConcurrency.map(({ bare }) => runText(medianRun(bare)))],
    ["our CPU", ...byConcurrency.map(({ ours }) => ms(medianRun(ours).cpuMs))],
    ["bare CPU", ...byConcurrency.map(({ bare }) => ms(medianRun(bare).cpuMs))],
  );
  return table.toString();
}

const restartLegend = [
  "Restart: kubectl rollout restart and status, and how many of our windows that is. Its pods are KWOK's, ready as soon",
  "as they are made: that is what the control plane alone takes. With processes: each pod is a sample API that starts on",
  "this machine and fetches the keys, once; all of them share its processors. Image pulls come on top of both.",
];

function legend({ sizes, concurrency, requestsPerPod, kubectl }: PodBenchResult): string[] {
  const tool = sizes[0]?.byHand.tool ?? "client-node";
  const loop =
    tool === "client-node"
      ? "client-node, for want of kubectl or curl (a start of kubectl for each pod would come on top)"
      : `kubectl ${kubectl} port-forward and curl`;
  const most = Math.max(...sizes.map(({ byHand }) => byHand.measuredPods));
  return [
    `Ours: refresh.concurrency ${concurrency}, ${requestsPerPod} requests a pod, pods looked up before and after each phase.`,
    `By hand: ${loop}, pod by pod, a refresh and one old token each; ~ is reckoned from ${most} pods.`,
    "Bare: client-node's port-forward and undici, the same requests in the same order, at the best concurrency.",
    ...(kubectl ? restartLegend : ["Restart: not measured, for want of kubectl."]),
  ];
}

function aimLines({ ratios: { byHandToWindow, windowToBare, wholeToBare } }: PodsResult): string[] {
  const at = `at ${podAims.pods} pods`;
  return [
    aim(`window ${at} >= ${podAims.byHand}x shorter than by hand`, byHandToWindow >= podAims.byHand),
    aim(`window ${at} <= ${podAims.bare}x bare`, windowToBare <= podAims.bare),
    aim(`whole ${at} <= ${podAims.bare}x bare`, wholeToBare <= podAims.bare),
  ];
}

/** One after another needs one processor, and side by side needs them all: a busy machine takes more from the latter. */
function busyLine({ loadBefore, cpus }: PodBenchResult): string[] {
  if (loadBefore < cpus / 2) return [];
  return [
    `The machine was busy: load ${loadBefore.toFixed(1)} on ${cpus} processors before the start. Run it on an idle one.`,
  ];
}

function aim(text: string, met: boolean): string {
  return `Aim: ${text}: ${met ? "met" : "MISSED"}`;
}

function newTable(head: string[]) {
  return new Table({ head, colAligns: head.map(() => "right"), style: { head: [], border: [] } });
}

function runText({ windowMs, wholeMs }: PodRun): string {
  return `${ms(windowMs)} / ${ms(wholeMs)}`;
}

function ms(value: number): string {
  return value.toLocaleString("en-GB", { maximumFractionDigits: 0 });
}

function times(ratio: number): string {
  return `${ratio.toFixed(ratio < 10 ? 1 : 0)}x`;
}
