import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { logTail, startGuarded } from "../../scripts/lab/process.ts";
import { isAlive } from "./sample-api/process-state.ts";

const module = new URL("../../scripts/lab/process.ts", import.meta.url).href;
/** Prints its own pid and that of its child, which is what Keycloak's start script and its JVM are to the lab. */
const family = 'sleep 600 & echo "$$ $!"; wait';

describe("a guarded process", () => {
  let directory = "";
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "guard-"));
  });
  after(() => rm(directory, { recursive: true }));

  async function pidsIn(logFile: string): Promise<number[]> {
    return until(async () => {
      const pids = (await readFile(logFile, "utf8").catch(() => "")).trim().split(" ").map(Number);
      return pids.length === 2 ? pids : undefined;
    });
  }

  test("stop ends it and its descendants", async () => {
    const logFile = join(directory, "stop.log");
    const guarded = startGuarded("sh", ["-c", family], { logFile });
    const pids = await pidsIn(logFile);
    assert.ok(guarded.running);
    await guarded.stop();
    await until(() => pids.every((pid) => !isAlive(pid)) || undefined);
    assert.equal(guarded.running, false);
    await guarded.stop();
  });

  test("it dies with its descendants, after its cleanup, when its parent is killed", async () => {
    const logFile = join(directory, "kill.log");
    const cleaned = join(directory, "cleaned");
    const script = join(directory, "parent.mjs");
    const options = JSON.stringify({ logFile, cleanup: ["touch", cleaned] });
    await writeFile(
      script,
      `import { startGuarded } from ${JSON.stringify(module)};
       const { exited } = startGuarded("sh", ["-c", ${JSON.stringify(family)}], ${options});
       console.log("started");
       setInterval(() => {}, 1000);`,
    );
    const parent = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
    await once(createInterface({ input: parent.stdout }), "line");
    const pids = await pidsIn(logFile);
    assert.deepEqual(pids.map(isAlive), [true, true]);
    parent.kill("SIGKILL");
    await until(() => pids.every((pid) => !isAlive(pid)) || undefined);
    await access(cleaned);
  });

  test("its exit code and the end of its log can be shown", async () => {
    const logFile = join(directory, "exit.log");
    const guarded = startGuarded("sh", ["-c", "seq 50; exit 3"], { logFile });
    assert.equal(await guarded.exited, 3);
    assert.equal(await logTail(logFile, 2), "49\n50");
  });

  test("a missing program is named in the log", async () => {
    const logFile = join(directory, "missing.log");
    assert.equal(await startGuarded("no-such-program", [], { logFile }).exited, 127);
    assert.match(await logTail(logFile), /no-such-program/);
  });
});

async function until<T>(condition: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const result = await condition();
    if (result !== undefined) return result;
    if (Date.now() > deadline) throw new Error("the condition did not come true within 10 s");
    await pause(20);
  }
}
