import { writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { startProgram, stopProgram } from "./bench/child-program.ts";
import type { Measured, MeasureRequest } from "./bench/measure.ts";
import { median } from "./bench/median.ts";
import { type BenchResult, renderBench, type SizeResult } from "./bench/report.ts";
import { measureSequential } from "./bench/sequential.ts";
import type { InstancesReady, InstancesRequest } from "./bench/simulated-instances.ts";
import { type Freeze, freezes } from "./bench/up/freezes.ts";
import { makeWorkload, requestsPerInstance, type Workload } from "./bench/workload.ts";

const usage = `npm run bench -- [--sizes 10,100,1000,10000] [--concurrency 16] [--json FILE]

Refreshes and verifies simulated instances: this program, undici alone, and one request after another.

npm run bench -- --connections [--instances 1000] [--rounds 5] [--concurrency 16] [--json FILE]

What it costs to ask over several connections, about a forged token and about a control token: exposure window, whole and
memory, beside the way of old. With --instances 1000,10000 it takes some minutes.

npm run bench -- --kubernetes [--pods 5,50,200] [--concurrency 16] [--json FILE]

The same with pods behind a real API server: this program, port-forwarding alone, a loop of kubectl port-forward and
curl, and kubectl rollout restart.

npm run bench -- --up [--instances 5,100,1000] [--hanging 40,1000] [--freeze none|api|keycloak|both] [--rounds 3] [--json FILE]

Whole emergencies on a real Keycloak: time to dead, exposure window, the whole up, an up that changes nothing and the
preview, each beside an empty program on the same engine. The hanging instances are added to the first --instances;
--hanging 0 leaves them out.`;

async function benchSize(count: number, workload: Workload): Promise<SizeResult> {
  const { questions } = workload;
  const [fresh] = questions.fresh;
  const request: InstancesRequest = {
    count,
    acceptedToken: fresh?.token ?? "",
    apiRefreshToken: questions.fleet.apiRefreshTokens[0] ?? "",
    kids: questions.expectation.present,
  };
  const { child, answer } = await startProgram<InstancesReady>("simulated-instances.ts", request);
  try {
    const time = await measure({ what: "time", urls: answer.urls, workload, rounds: roundsFor(count) });
    const memory = await measure({ what: "memory", urls: answer.urls, workload, rounds: 1 });
    return summarize(count, time, memory, await measureSequential(answer.urls, workload));
  } finally {
    await stopProgram(child);
  }
}

/** Each size in a process of its own, so that neither peaks nor warm code of one size reach the next. */
async function measure(request: MeasureRequest): Promise<Measured> {
  const { child, answer } = await startProgram<Measured>("measure.ts", request);
  await stopProgram(child);
  return answer;
}

function roundsFor(count: number): number {
  return count >= 10_000 ? 3 : count >= 1_000 ? 7 : 9;
}

function summarize(
  instances: number,
  { oursMs: oursRounds, bareMs: bareRounds, oursCpu }: Measured,
  { peakRssBytes }: Measured,
  sequential: SizeResult["sequential"],
): SizeResult {
  const [oursMs, bareMs] = [median(oursRounds), median(bareRounds)];
  return {
    instances,
    requests: instances * requestsPerInstance,
    oursMs,
    bareMs,
    ratio: median(oursRounds.map((ms, round) => (bareRounds[round] ?? 0) / ms)),
    msPerInstance: oursMs / instances,
    oursCpu,
    peakRssBytes,
    sequential,
    speedUp: sequential.ms / oursMs,
    rounds: { oursMs: oursRounds, bareMs: bareRounds },
  };
}

function wholeNumbers(text: string, least = 1): number[] {
  const numbers = text.split(",").map(Number);
  if (numbers.every((one) => Number.isInteger(one) && one >= least)) return numbers;
  throw new Error(`${text}: not whole numbers of ${least} or more\n\n${usage}`);
}

const { values: options } = parseArgs({
  options: {
    sizes: { type: "string", default: "10,100,1000,10000" },
    concurrency: { type: "string", default: "16" },
    kubernetes: { type: "boolean", default: false },
    pods: { type: "string", default: "5,50,200" },
    connections: { type: "boolean", default: false },
    up: { type: "boolean", default: false },
    instances: { type: "string" },
    hanging: { type: "string", default: "40,1000" },
    freeze: { type: "string", default: "none" },
    rounds: { type: "string" },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

async function benchStatic(sizesWanted: readonly number[], workload: Workload): Promise<BenchResult> {
  const sizes: SizeResult[] = [];
  for (const size of sizesWanted) {
    process.stderr.write(`${size} instances …\n`);
    sizes.push(await benchSize(size, workload));
  }
  const { version: node, platform } = process;
  return {
    node,
    platform,
    cpus: availableParallelism(),
    concurrency: workload.concurrency,
    requestsPerInstance,
    sizes,
  };
}

/** Whole emergencies, in place of the calls alone. */
async function benchEmergencies(): Promise<object> {
  const { benchUp } = await import("./bench/up/bench-up.ts");
  const { renderUpBench } = await import("./bench/up/report.ts");
  const [rounds = 3] = wholeNumbers(options.rounds ?? "3");
  const result = await benchUp({
    instances: wholeNumbers(options.instances ?? "5,100,1000"),
    hanging: wholeNumbers(options.hanging, 0),
    freeze: freezeOf(options.freeze),
    rounds,
  });
  console.log(renderUpBench(result));
  return result;
}

function freezeOf(text: string): Freeze {
  const known = freezes.find((one) => one === text);
  if (known) return known;
  throw new Error(`--freeze ${text}: one of ${freezes.join(", ")}\n\n${usage}`);
}

async function benchWays(workload: Workload): Promise<object> {
  const { benchConnections } = await import("./bench/connections/bench-connections.ts");
  const { renderConnectionsBench } = await import("./bench/connections/report.ts");
  const [rounds = 5] = wholeNumbers(options.rounds ?? "5");
  const result = await benchConnections(wholeNumbers(options.instances ?? "1000"), workload, rounds);
  console.log(renderConnectionsBench(result));
  return result;
}

/** Prints the result, and gives it. */
async function bench(): Promise<object> {
  if (options.up) return benchEmergencies();
  const [concurrency = 16] = wholeNumbers(options.concurrency);
  const workload = await makeWorkload(concurrency);
  if (options.connections) return benchWays(workload);
  if (options.kubernetes) {
    const { benchKubernetes } = await import("./bench/kubernetes/bench-kubernetes.ts");
    const { renderPodBench } = await import("./bench/kubernetes/report.ts");
    const result = await benchKubernetes(wholeNumbers(options.pods), workload);
    console.log(renderPodBench(result));
    return result;
  }
  const result = await benchStatic(wholeNumbers(options.sizes), workload);
  console.log(renderBench(result));
  return result;
}

if (options.help) {
  console.log(usage);
} else {
  const result = await bench();
  if (options.json) await writeFile(options.json, `${JSON.stringify(result, null, 2)}\n`);
}
