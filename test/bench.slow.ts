import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { ConnectionsBenchResult } from "../scripts/bench/connections/bench-connections.ts";
import { wayNames, ways } from "../scripts/bench/connections/ways.ts";
import type { PodBenchResult } from "../scripts/bench/kubernetes/bench-kubernetes.ts";
import type { BenchResult } from "../scripts/bench/report.ts";
import type { UpBenchResult } from "../scripts/bench/up/bench-up.ts";
import { noCluster } from "./lab/kubernetes/cluster.ts";

const bench = fileURLToPath(new URL("../scripts/bench.ts", import.meta.url));

/** Runs the bench; gives what it printed, and the text of what it wrote. */
async function runBench(
  t: TestContext,
  args: readonly string[],
  timeout: number,
): Promise<{ stdout: string; json: string }> {
  const directory = await mkdtemp(join(tmpdir(), "bench-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, "bench.json");
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, [bench, ...args, "--json", file], { timeout });
  return { stdout, json: await readFile(file, "utf8") };
}

test("the bench refreshes and verifies simulated instances with all contenders and writes what it measured", async (t) => {
  const { stdout, json } = await runBench(t, ["--sizes", "3"], 60_000);
  assert.match(stdout, /bare\/ours/);
  const { sizes, requestsPerInstance }: BenchResult = JSON.parse(json);
  assert.equal(sizes.length, 1);
  const [size] = sizes;
  assert.equal(size?.instances, 3);
  assert.equal(size.requests, 3 * requestsPerInstance);
  for (const key of ["oursMs", "bareMs", "ratio", "msPerInstance", "peakRssBytes", "speedUp"] as const) {
    assert.ok(size[key] > 0, `${key} is ${size[key]}`);
  }
  assert.equal(size.rounds.oursMs.length, size.rounds.bareMs.length);
  assert.equal(size.sequential.extrapolated, false);
});

test("with --connections, instances are asked in the old way, named and unnamed, by a new process for each", async (t) => {
  const args = ["--connections", "--instances", "3", "--rounds", "1"];
  const { stdout, json } = await runBench(t, args, 900_000);
  const { sizes }: ConnectionsBenchResult = JSON.parse(json);
  assert.deepEqual(
    sizes.map(({ instances, rounds }) => [instances, rounds.length]),
    [[3, 1]],
  );
  const perInstance = { old: [11, 3], named: [13, 3], unnamed: [62, 52] };
  for (const name of wayNames) {
    const { title } = ways[name];
    assert.equal(stdout.split("\n").filter((line) => line.includes(` ${title} │`)).length, 1, title);
    for (const { instances, rounds } of sizes)
      for (const { [name]: run } of rounds) {
        assert.deepEqual([run.requests / instances, run.connections / instances], perInstance[name], title);
        assert.ok(run.beforeMs > 0 && run.afterMs > 0 && run.wholeMs > run.windowMs, JSON.stringify(run));
        assert.ok(run.peakRssBytes > run.idleRssBytes, JSON.stringify(run));
      }
  }
  assert.match(stdout, /Aim: 3 instances, does not, over 8 connections: window \/ old way <= 2.5: /);
});

test("with --kubernetes, pods behind a real API server are refreshed and verified by all contenders", {
  skip: await noCluster(),
}, async (t) => {
  // The first run on a machine builds the control plane.
  const { stdout, json } = await runBench(t, ["--kubernetes", "--pods", "3"], 2_400_000);
  assert.match(stdout, /our window/);
  const { sizes, requestsPerPod, concurrency, kubectl }: PodBenchResult = JSON.parse(json);
  assert.equal(requestsPerPod, 11);
  const [size] = sizes;
  assert.ok(size);
  assert.deepEqual([sizes.length, size.pods], [1, 3]);
  assert.deepEqual(
    size.byConcurrency.map((one) => one.concurrency),
    [2, 4, 8, 16, 32],
  );
  assert.ok(size.byConcurrency.some((one) => one.concurrency === size.bare.concurrency));
  assert.equal(concurrency, 16);
  const runs = size.byConcurrency.flatMap(({ ours, bare }) => [...ours, ...bare]);
  for (const { windowMs, wholeMs, cpuMs } of [size.ours, size.bare, size.cold, ...runs]) {
    assert.ok(windowMs > 0 && windowMs < wholeMs, `window ${windowMs} of ${wholeMs} ms`);
    assert.ok(cpuMs > 0);
  }
  for (const [name, ratio] of Object.entries(size.ratios)) assert.ok(ratio > 0, `${name} is ${ratio}`);
  assert.equal(size.byHand.measuredPods, 3);
  assert.equal(size.byHand.rounds.length, size.byConcurrency[0]?.ours.length);
  assert.equal(size.restart === undefined, kubectl === undefined);
});

test("with --up, whole emergencies are measured beside an empty program, with and without instances that hang", async (t) => {
  const args = ["--up", "--instances", "2", "--hanging", "3", "--freeze", "both", "--rounds", "1"];
  const { stdout, json } = await runBench(t, args, 900_000);
  assert.match(stdout, /Aim: 2 answer, 3 hang: dead ms <= 10000: /);
  const { rows, engine }: UpBenchResult = JSON.parse(json);
  assert.match(engine, /^(local|pulumi)$/);
  assert.deepEqual(
    rows.map(({ answering, hanging, freeze }) => [answering, hanging, freeze]),
    [
      [2, 0, "both"],
      [2, 3, "both"],
    ],
  );
  const [good, bad] = rows.map(({ rounds }) => rounds[0]);
  assert.ok(good?.window && good.unchanged, "a fleet that answers is proven, and then has nothing to change");
  assert.equal(bad?.window, undefined);
  for (const round of [good, bad]) {
    assert.ok(round && round.dead > 0 && round.dead < round.whole, JSON.stringify(round));
    assert.ok(round.emptyUp > 0 && round.emptyPreview > 0 && round.preview > 0);
  }
});
