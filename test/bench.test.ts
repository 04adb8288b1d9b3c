import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { BenchResult } from "../scripts/bench/report.ts";

const bench = fileURLToPath(new URL("../scripts/bench.ts", import.meta.url));

test("the bench refreshes and verifies simulated instances with all contenders and writes what it measured", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "bench-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, "bench.json");
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, [bench, "--sizes", "3", "--json", file], {
    timeout: 60_000,
  });
  assert.match(stdout, /bare\/ours/);
  const { sizes, requestsPerInstance }: BenchResult = JSON.parse(await readFile(file, "utf8"));
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
