import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { collect } from "../../scripts/lab/stack-engine.ts";
import type { AnyScenario } from "./world.ts";

/** Starts an up and kills its whole process group as soon as it prints the line. */
export async function upKilledAt(scenario: AnyScenario, line: RegExp): Promise<void> {
  await killedAt(scenario.stack.spawnUp(), line);
}

/** Kills a child's whole process group as soon as it prints the line. */
export async function killedAt(child: ChildProcess, line: RegExp): Promise<void> {
  const { signal, output } = await signalledAt(child, line, "SIGKILL");
  assert.equal(signal, "SIGKILL", `it ended before ${line}:\n${output}`);
}

/**
 * Sends a signal to a child's whole process group as soon as it prints the line, and waits until it has ended.
 * @param then what is done right after it
 */
export async function signalledAt(
  child: ChildProcess,
  line: RegExp,
  signal: NodeJS.Signals,
  then: () => Promise<void> | undefined = () => undefined,
): Promise<{ exitCode: number | null; signal: NodeJS.Signals | null; output: string }> {
  const { pid } = child;
  if (pid === undefined) assert.fail("it did not start");
  let after: Promise<void> | undefined;
  const { output } = await collect(child, (text) => {
    if (after || !line.test(text)) return;
    process.kill(-pid, signal);
    after = Promise.resolve(then());
  });
  await after;
  return { exitCode: child.exitCode, signal: child.signalCode, output };
}
