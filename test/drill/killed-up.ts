import assert from "node:assert/strict";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { AnyScenario } from "./world.ts";

/** Starts an up and kills its whole process group as soon as it prints the line. */
export async function upKilledAt(scenario: AnyScenario, line: RegExp): Promise<void> {
  const child = scenario.stack.spawnUp();
  const { stdout, pid } = child;
  if (!stdout || pid === undefined) assert.fail("the up did not start");
  const exited = once(child, "exit");
  const seen: string[] = [];
  for await (const text of createInterface({ input: stdout })) {
    seen.push(text);
    if (!line.test(text)) continue;
    process.kill(-pid, "SIGKILL");
    break;
  }
  const [code, signal] = await exited;
  assert.equal(signal, "SIGKILL", `the up ended with ${code} before ${line}:\n${seen.join("\n")}`);
}
