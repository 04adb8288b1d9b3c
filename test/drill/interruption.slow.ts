import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Scenario } from "../../scripts/lab/scenario.ts";
import { upKilledAt } from "./killed-up.ts";
import { adoptedScenario, evidenceOf, managedKeys, signingKid, statusesOf, succeeded } from "./world.ts";

/** Lines after which the whole run is killed: one at each boundary between phases, and two within the cut-over. */
const boundaries = [
  { after: "the canaries are minted", line: /\[canary\] canary tokens minted/ },
  { after: "the new key is published", line: /\[publish\] published/ },
  { after: "the new key is active", line: /\[cut-over\] \S+ \(RS256\) is active/ },
  { after: "the old key is disabled", line: /\[cut-over\] \S+ \(RS256, \S+\) is disabled/ },
  { after: "the cut-over is done", line: /\[cut-over\] \S+ \(RS256\) signs/ },
  { after: "the instances are refreshed", line: /\[enforce\] \d+ of/ },
  { after: "the instances are verified", line: /\[verify\] \d+ of/ },
];

/** Looks at the realm again and again: at no moment may it be without an enabled, active, managed signing key. */
class Sampler {
  samples = 0;
  readonly #gaps: string[] = [];
  readonly #scenario: Scenario;
  #running = true;
  readonly #loop: Promise<void>;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#loop = this.#run();
  }

  async #run(): Promise<void> {
    const { admin, realm } = this.#scenario;
    while (this.#running) {
      const components = await admin.keyComponents(realm);
      const isOn = (value: string[] | undefined) => value?.[0] === "true";
      const on = components.filter(
        ({ name, config }) =>
          name.startsWith("jwks-break-glass-") && isOn(config.enabled) && isOn(config.active),
      );
      if (on.length === 0)
        this.#gaps.push(
          JSON.stringify(components.map(({ name, config }) => [name, config.enabled, config.active])),
        );
      this.samples += 1;
      await delay(10);
    }
  }

  async stop(): Promise<string[]> {
    this.#running = false;
    await this.#loop;
    return this.#gaps;
  }
}

suite("kill -9 of the whole up", () => {
  test("at each phase boundary: the next up converges, no key is created twice, the realm can always sign", async (t) => {
    const scenario = await adoptedScenario(t);
    const { admin, realm } = scenario;
    const client = await admin.createClient(realm, "frontend");
    const sampler = new Sampler(scenario);
    for (const [index, { after, line }] of boundaries.entries()) {
      const rotation = index + 2;
      const stolen = await admin.mint(realm, client);
      await scenario.rotateTo(rotation, `INC-${rotation}`);
      await upKilledAt(scenario, line);
      await scenario.stack.cancel();
      succeeded(await scenario.stack.up());

      const { all, enabled } = await managedKeys(scenario);
      assert.equal(all.length, rotation, `after ${after}: ${all.join(", ")}`);
      assert.deepEqual(enabled, [`jwks-break-glass-r${rotation}-RS256`], `after ${after}`);
      assert.deepEqual(await admin.publishedKids(realm), [await signingKid(scenario)], `after ${after}`);
      assert.deepEqual(await statusesOf(scenario, stolen), [401, 401, 401, 401], `after ${after}`);
      const evidence = await evidenceOf(scenario, `INC-${rotation}`, rotation);
      assert.equal(evidence.outcome, "verified", `after ${after}`);
      // Killed between the disabling and the checkpoint, the time is lost; it is then said to be a bound.
      if (after === "the old key is disabled") assert.equal(evidence.exposureWindow?.exact, false);
    }
    assert.deepEqual(await sampler.stop(), []);
    assert.ok(sampler.samples > 50, `only ${sampler.samples} samples`);
  });
});
