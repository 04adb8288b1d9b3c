import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { z } from "zod";
import { runDrill } from "./run-drill.ts";

const instancesShape = z.array(
  z.looseObject({ name: z.string(), proof: z.string(), verdicts: z.record(z.string(), z.array(z.string())) }),
);
const summaryShape = z.looseObject({
  mode: z.literal("planned"),
  verified: z.boolean(),
  exposureWindowMs: z.number().nullable(),
  instances: instancesShape,
  traffic: z.object({
    requests: z.number(),
    failures: z.array(z.unknown()),
    tokens: z.record(z.string(), z.number()),
  }),
  steps: z.array(
    z.looseObject({
      name: z.string(),
      rotation: z.number(),
      verified: z.boolean(),
      clockMovedMs: z.number(),
      plan: z.array(z.string()),
      error: z.string().nullable(),
      old: z.object({ kid: z.string(), accepting: z.number(), total: z.number(), issuer: z.string() }),
      traffic: z.object({ requests: z.number(), failures: z.number() }),
      instances: instancesShape,
    }),
  ),
});

suite("npm run drill -- --mode planned", () => {
  test("adopts, rotates and retires twice while users work: exit 0, no request fails, old tokens are refused only at the end", async (t) => {
    const { exitCode, output, summary, directory } = await runDrill(
      t,
      "--mode",
      "planned",
      "--instances",
      "2",
    );
    assert.equal(exitCode, 0, output);
    assert.match(
      output,
      /preview +kid \S+ \(RS256, rsa-generated\) no longer signs[\s\S]*announce +2 of 2 inst/,
    );
    assert.match(output, /Passive key[\s\S]*The program's clock is moved ahead by 7 min[\s\S]*Retired key/);
    assert.match(output, /preview +retire kid \S+ \(RS256, rsa-generated\)/);
    assert.match(output, /users +\d+ requests, 0 failed; tokens signed so far: \d+ by \S+, \d+ by \S+\n/);
    const { verified, exposureWindowMs, instances, traffic, steps } = summaryShape.parse(await summary());
    assert.deepEqual([verified, traffic.failures], [true, []]);
    assert.ok(exposureWindowMs !== null && exposureWindowMs > 0);
    assert.deepEqual(
      steps.map(({ name, rotation, clockMovedMs }) => [name, rotation, clockMovedMs]),
      [
        ["adoption", 1, 0],
        ["retirement", 1, 420_000],
        ["rotation", 2, 0],
        ["retirement", 2, 420_000],
      ],
    );
    const [unmanaged, first] = Object.keys(traffic.tokens);
    assert.equal(Object.keys(traffic.tokens).length, 3);
    assert.deepEqual(
      steps.map(({ old }) => old),
      [unmanaged, first].flatMap((kid) => [
        { kid, accepting: 2, total: 2, issuer: "accepted" },
        { kid, accepting: 0, total: 2, issuer: "refused" },
      ]),
    );
    for (const { verified, plan } of steps) assert.ok(verified && plan.length > 0);
    assert.deepEqual(
      steps[2]?.instances.map(({ name, verdicts }) => [name, verdicts.passive]),
      ["api-1", "api-2"].map((name) => [name, ["accepted"]]),
    );
    assert.deepEqual(
      instances.map(({ proof, verdicts }) => [proof, verdicts.retired]),
      Array(2).fill(["replayed", ["rejected", "rejected"]]),
    );
    const report = join(directory, "evidence", "DRILL-PLANNED", "2", "report.md");
    assert.ok(output.includes(`report: ${report}`));
    assert.match(await readFile(report, "utf8"), /VERIFIED/);
  });

  test("an instance that can't be refreshed stops the rotation before the new key signs: exit 1, and no user notices", async (t) => {
    const args = ["--mode", "planned", "--instances", "2", "--misbehave", "error-500:1"];
    const { exitCode, output, summary } = await runDrill(t, ...args);
    assert.equal(exitCode, 1, output);
    assert.match(output, /NOT VERIFIED[\s\S]*ANNOUNCE_FAILED: .*api-2 can't be refreshed: HTTP 500/);
    const { verified, traffic, steps } = summaryShape.parse(await summary());
    assert.deepEqual([verified, traffic.failures], [false, []]);
    assert.equal(Object.keys(traffic.tokens).length, 2);
    const last = steps.at(-1);
    assert.deepEqual([steps.length, last?.name, last?.verified], [3, "rotation", false]);
    assert.match(last?.error ?? "", /^ANNOUNCE_FAILED/);
    assert.deepEqual([last?.old.accepting, last?.old.issuer], [2, "accepted"]);
  });
});
