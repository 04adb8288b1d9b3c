import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { projectDir } from "../../scripts/lab/scenario.ts";

async function drill(t: TestContext, ...args: string[]) {
  const directory = await mkdtemp(join(tmpdir(), "drill-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const json = join(directory, "summary.json");
  const child = spawn(
    process.execPath,
    ["scripts/drill.ts", "--json", json, "--evidence", join(directory, "evidence"), ...args],
    { cwd: projectDir, stdio: ["ignore", "pipe", "pipe"] },
  );
  t.after(() => child.kill("SIGKILL"));
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
  const [exitCode] = await once(child, "close");
  const summary = async () => JSON.parse(await readFile(json, "utf8"));
  return { exitCode, output, summary, directory };
}

suite("npm run drill", () => {
  test("a healthy fleet is verified: exit 0, a summary for machines, a report for people", async (t) => {
    const { exitCode, output, summary, directory } = await drill(t, "--instances", "2");
    assert.equal(exitCode, 0, output);
    assert.match(
      output,
      /accepted by 2 of 2 instances[\s\S]*accepted by 0 of 2 instances now, and refused by Keycloak/,
    );
    const { engine, verified, exposureWindowMs, instances, phases } = await summary();
    assert.ok(["local", "pulumi"].includes(engine));
    assert.equal(verified, true);
    assert.ok(exposureWindowMs > 0);
    assert.deepEqual(
      instances.map(({ name, refresh, proof }: Record<string, string>) => [name, refresh, proof]),
      [
        ["api-1", "claimed", "replayed"],
        ["api-2", "claimed", "replayed"],
      ],
    );
    assert.deepEqual(instances[0].verdicts.retired, ["rejected", "rejected"]);
    assert.deepEqual(
      phases.map(({ phase }: { phase: string }) => phase),
      ["canary", "publish", "cut-over", "enforce", "verify"],
    );
    for (const { startedAt, finishedAt } of phases) assert.ok(startedAt <= finishedAt);
    assert.match(
      await readFile(join(directory, "evidence", "DRILL-THEFT", "2", "report.md"), "utf8"),
      /VERIFIED/,
    );
  });

  test("an instance that keeps its cache makes it fail: exit 1, the instance is named", async (t) => {
    const { exitCode, output, summary } = await drill(t, "--instances", "2", "--misbehave", "keep-cache:1");
    assert.equal(exitCode, 1, output);
    assert.match(output, /api-2 still accepts kid[\s\S]*NOT VERIFIED/);
    const { verified, exposureWindowMs, instances } = await summary();
    assert.deepEqual([verified, exposureWindowMs], [false, null]);
    assert.deepEqual(
      instances.map(({ proof }: { proof: string }) => proof),
      ["replayed", "unproven"],
    );
  });

  for (const [title, args, message] of [
    ["an unknown option", ["--instnaces", "3"], /instnaces/],
    ["an unknown misbehaviour", ["--misbehave", "sulk:1"], /sulk[\s\S]*keep-cache/],
    ["no instance", ["--instances", "0"], /--instances is not a whole number of 1 or more/],
    [
      "more misbehaviour than instances",
      ["--instances", "1", "--misbehave", "hang:2"],
      /names more instances/,
    ],
  ] as const) {
    test(`${title} is refused with the usage: exit 2, nothing is started`, async (t) => {
      const { exitCode, output } = await drill(t, ...args);
      assert.equal(exitCode, 2);
      assert.match(output, message);
      assert.match(output, /npm run drill -- \[options\]/);
    });
  }
});
