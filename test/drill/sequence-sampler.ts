import { setTimeout as delay } from "node:timers/promises";
import type { Scenario } from "../../scripts/lab/scenario.ts";

/** Looks at a realm again and again: at no moment may an algorithm be without an enabled, active, managed key. */
export class SignerSampler {
  samples = 0;
  readonly #gaps: string[] = [];
  readonly #scenario: Scenario;
  readonly #algorithms: readonly string[];
  #running = true;
  readonly #loop: Promise<void>;

  constructor(scenario: Scenario, algorithms: readonly string[]) {
    this.#scenario = scenario;
    this.#algorithms = algorithms;
    this.#loop = this.#run();
    // A failure is that of whoever stops it; until then nobody listens.
    this.#loop.catch(() => {});
  }

  async #run(): Promise<void> {
    while (this.#running) {
      await this.#look();
      await delay(50);
    }
  }

  async #look(): Promise<void> {
    const { admin, realm } = this.#scenario;
    const components = await admin.keyComponents(realm);
    const isOn = (value: string[] | undefined) => value?.[0] === "true";
    const on = components
      .filter(({ config }) => isOn(config.enabled) && isOn(config.active))
      .flatMap(({ name }) => /^jwks-break-glass-r\d+-(.+)$/.exec(name)?.[1] ?? []);
    this.samples += 1;
    if (this.#algorithms.every((algorithm) => on.includes(algorithm))) return;
    this.#gaps.push(
      JSON.stringify(components.map(({ name, config }) => [name, config.enabled, config.active])),
    );
  }

  /** Ends it, and gives the moments at which an algorithm had no such key. */
  async stop(): Promise<string[]> {
    this.#running = false;
    await this.#loop;
    return this.#gaps;
  }
}
