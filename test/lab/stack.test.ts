import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { openStack } from "../../scripts/lab/stack.ts";

const projectDir = fileURLToPath(new URL("./engine/fixtures/typed-config", import.meta.url));

async function open(context: TestContext, env: Record<string, string> = {}) {
  const backendDir = await mkdtemp(join(tmpdir(), "lab-stack-"));
  const lines: string[] = [];
  const stack = await openStack({
    projectDir,
    stack: "test",
    backendDir,
    env,
    onLine: (line) => lines.push(line),
  });
  context.after(async () => {
    await stack.dispose();
    await rm(backendDir, { recursive: true, force: true });
  });
  return { stack, backendDir, lines };
}

test("a lab stack runs a program and leaves nothing in its project", async (context) => {
  const before = readdirSync(projectDir);
  const { stack, lines } = await open(context);
  await stack.setConfig({ name: "n", count: 2 }, { token: "shibboleth" });
  const { exitCode, output } = await stack.up();
  assert.equal(exitCode, 0, output);
  assert.deepEqual(output.split("\n"), lines);
  assert.equal((await stack.outputs()).count, 2);
  assert.deepEqual(readdirSync(projectDir), before);
});

test("the local engine's first line says what it is", async (context) => {
  const { stack, lines } = await open(context);
  if (stack.engine !== "local") return context.skip("the Pulumi CLI is on PATH");
  await stack.setConfig({ name: "n", count: 2 });
  await stack.up();
  assert.match(lines[0] ?? "", /Local engine for drills and tests.*Production uses the Pulumi CLI/);
});

test("config keeps what was set before, and undefined removes a key", async (context) => {
  const { stack } = await open(context);
  await stack.setConfig({ name: "n", count: 2 });
  await stack.setConfig({ hosts: ["h"], count: 3 });
  await stack.setConfig({ name: undefined });
  const text = readFileSync(stack.configFile, "utf8");
  assert.match(text, /typed-config:count: 3/);
  assert.match(text, /typed-config:hosts:\n/);
  assert.doesNotMatch(text, /typed-config:name/);
});

test("secrets and the passphrase reach the engine by stdin and environment, never as arguments", async (context) => {
  const { stack, backendDir } = await open(context);
  const secret = "not-for-the-process-list";
  const seen: string[] = [];
  const watch = setInterval(() => seen.push(...commandLines()), 20);
  await stack.setConfig({ name: "n", count: 2 }, { token: secret });
  await stack.up();
  clearInterval(watch);
  assert.ok(
    seen.some((line) => line.includes(backendDir)),
    "no command of this stack was seen",
  );
  assert.ok(!seen.some((line) => line.includes(secret)));
});

function commandLines(): string[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8");
      } catch {
        return "";
      }
    });
}

test("each stack has a passphrase of its own", async (context) => {
  const first = await open(context);
  if (first.stack.engine !== "local") return context.skip("the Pulumi CLI is on PATH");
  await first.stack.setConfig({ name: "n", count: 2 }, { token: "shibboleth" });
  const { LabStack } = await import("../../scripts/lab/stack.ts");
  const engine = { kind: "local" as const, version: "", command: process.execPath, prefix: [enginePath] };
  const stranger = new LabStack({ projectDir, stack: "test", backendDir: first.backendDir }, engine);
  const { exitCode, output } = await stranger.up();
  assert.notEqual(exitCode, 0);
  assert.match(output, /incorrect passphrase/);
});

const enginePath = fileURLToPath(new URL("../../scripts/lab/engine/cli.ts", import.meta.url));
