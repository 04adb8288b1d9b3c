import assert from "node:assert/strict";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { movedClockEnv } from "../../scripts/lab/moved-clock.ts";
import type { Scenario } from "../../scripts/lab/scenario.ts";
import type { OperationOptions } from "../../scripts/lab/stack.ts";
import type { Wish } from "./sequence-model.ts";
import type { Step } from "./sequence-plan.ts";
import { RealmWitness } from "./sequence-witness.ts";
import { failed, overlapMs, succeeded } from "./world.ts";

/** Takes the steps one after the other in one realm, and checks the realm after each. */
export class SequenceRun {
  readonly #scenario: Scenario;
  readonly #witness: RealmWitness;
  /** Only ever grows: were the clock set back, an overlap that was over would go on. */
  #offsetMs = 0;

  private constructor(scenario: Scenario, witness: RealmWitness) {
    this.#scenario = scenario;
    this.#witness = witness;
  }

  static async open(scenario: Scenario, algorithms: readonly string[]): Promise<SequenceRun> {
    return new SequenceRun(scenario, await RealmWitness.open(scenario, algorithms));
  }

  async take(step: Step): Promise<void> {
    const { stack } = this.#scenario;
    const { wish, prediction, kill, instead, isLater } = step;
    if (isLater) this.#offsetMs += overlapMs;
    await this.#witness.before();
    await this.#ask(wish);
    if (prediction.kind === "refused") return this.#refused(prediction.because);
    if (kill) {
      await upKilledAt(this.#scenario, kill.line, this.#options());
      await stack.cancel();
    }
    if (instead) {
      await this.#witness.before(true);
      await this.#ask(instead);
    }
    succeeded(await stack.up([], this.#options()));
    await this.#witness.check(prediction.realm, prediction.isNewStep);
  }

  async #ask({ mode, rotation }: Wish): Promise<void> {
    const incident = mode === "emergency" ? `INC-${rotation}` : undefined;
    await this.#scenario.stack.setConfig({ mode, rotation, incident });
  }

  /** Nothing may have been touched, neither in Keycloak nor what the stack says. */
  async #refused(because: RegExp): Promise<void> {
    const before = await this.#witness.look();
    const { output } = failed(await this.#scenario.stack.up([], this.#options()));
    assert.match(output, /SETTINGS_INVALID: 1 problem/);
    assert.match(output, because);
    assert.deepEqual(await this.#witness.look(), before);
  }

  /** Looks back on all steps. */
  end(): Promise<void> {
    return this.#witness.checkJournal();
  }

  #options(): OperationOptions {
    return this.#offsetMs === 0 ? {} : { env: movedClockEnv(this.#offsetMs) };
  }
}

/** Starts an up and kills its whole process group as soon as it prints the line. */
async function upKilledAt({ stack }: Scenario, line: RegExp, options: OperationOptions): Promise<void> {
  const child = stack.spawnUp([], options);
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
