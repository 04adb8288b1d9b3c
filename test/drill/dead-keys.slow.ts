import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import { startFleet } from "../../scripts/lab/fleet.ts";
import type { Scenario } from "../../scripts/lab/scenario.ts";
import {
  adoptedScenario,
  anotherStack,
  evidenceOf,
  failed,
  plannedScenario,
  rotate,
  scenarioFor,
  signingKid,
  succeeded,
} from "./world.ts";

/** Another key of the realm, as somebody makes it in the console, which signs from now on. */
async function addSigner({ admin, realm }: Scenario, priority: string): Promise<void> {
  await admin.createKey(realm, `by-hand-${priority}`, "rsa-generated", { priority, algorithm: "RS256" });
}

async function componentOf({ admin, realm }: Scenario, kid: string): Promise<string> {
  const { keys } = await admin.keys(realm);
  return keys.find((key) => key.kid === kid)?.providerId ?? assert.fail(`no key ${kid}`);
}

async function disableByHand(scenario: Scenario, kid: string): Promise<void> {
  await scenario.admin.setKey(scenario.realm, await componentOf(scenario, kid), { enabled: "false" });
}

function targetsOf({ fleet }: Scenario) {
  return fleet.instances.map(({ name, url }) => ({ name, url }));
}

/** An API process that has been there for as long as the others, and is not in the config yet. */
async function oldProcess(t: TestContext, { admin, realm, apiRefreshToken }: Scenario) {
  const fleet = await startFleet({ count: 1, issuer: admin.issuer(realm), apiRefreshToken });
  t.after(() => fleet.stop());
  const [instance] = fleet.instances;
  return instance ?? assert.fail("no instance");
}

suite("dead keys that no up has disabled", () => {
  test("a key that somebody disabled before the first up is named in the preview, is open, and is closed by name", async (t) => {
    const scenario = await scenarioFor(t, { instances: 2, config: { mode: "planned" } });
    const { stack, fleet } = scenario;
    const old = await signingKid(scenario);
    for (const instance of fleet.instances) await instance.misbehave("keep-cache");
    await addSigner(scenario, "500");
    await disableByHand(scenario, old);
    await scenario.rotateTo(1, "INC-1", { mode: "emergency" });
    const said = new RegExp(`kid ${old} \\(RS256, rsa-generated\\) is disabled, and nobody has shown`);
    assert.match(succeeded(await stack.preview()).output, said);
    for (const instance of fleet.instances) await instance.misbehave("none");
    assert.match(failed(await stack.up()).output, new RegExp(`api-1 can't be asked about kid ${old}`));
    const { retired } = await evidenceOf(scenario, "INC-1", 1);
    assert.deepEqual(retired.map(({ how }) => how).toSorted(), ["by-hand", "rotation"]);
    // Another rotation does not close it, and neither does another state.
    assert.match(failed(await rotate(scenario, 2, "INC-2")).output, new RegExp(old));
    await stack.setConfig({ acknowledge: [{ kid: old, reason: "nobody used it" }] });
    assert.doesNotMatch(succeeded(await stack.preview()).output, said);
    succeeded(await stack.up());
    succeeded(await stack.preview(["--expect-no-changes"]));
  });

  test("a key that somebody disables after a green run makes the next up ask about it, also where the state is lost", async (t) => {
    const scenario = await scenarioFor(t, { instances: 2 });
    await addSigner(scenario, "90");
    const { admin, realm } = scenario;
    const { keys } = await admin.keys(realm);
    succeeded(await rotate(scenario, 1, "INC-1"));
    const [spare] = keys.filter(({ kid, algorithm, use }) => algorithm === "RS256" && use === "SIG" && kid);
    assert.ok(spare?.kid);
    // It was retired and proven; somebody enables it again, an up disables it, and so it is open once more.
    succeeded(await scenario.stack.preview(["--expect-no-changes"]));
    const kid = await signingKid(scenario);
    await addSigner(scenario, "9000");
    const rogue = await signingKid(scenario);
    assert.notEqual(rogue, kid);
    await disableByHand(scenario, rogue);
    const other = await anotherStack(t, scenario, "other");
    for (const stack of [scenario.stack, other]) {
      await stack.setConfig({ rotation: 2, incident: "INC-2", mode: "emergency" });
      assert.match(
        failed(await stack.up()).output,
        new RegExp(`kid ${rogue}, for which there are no canary`),
      );
    }
  });

  test("a passive key that somebody removes in mid-overlap is open, and is asked about by its canary tokens", async (t) => {
    const scenario = await plannedScenario(t);
    const { stack, fleet, admin, realm } = scenario;
    const old = await signingKid(scenario);
    succeeded(await stack.up());
    for (const instance of fleet.instances) await instance.misbehave("keep-cache");
    await admin.deleteKey(realm, await componentOf(scenario, old));
    // Nothing else has changed: the same up is not green any more.
    const { output } = failed(await stack.up());
    assert.match(output, new RegExp(`api-1 .*still accepts kid ${old}`));
    for (const instance of fleet.instances) await instance.misbehave("none");
    succeeded(await stack.up());
    succeeded(await stack.preview(["--expect-no-changes"]));
  });
});

suite("what is configured now", () => {
  test("an instance that is added after a green run is asked; where it has the dead key, and where it can't be shown that it has not, the up is red", async (t) => {
    const scenario = await scenarioFor(t, { instances: 2 });
    const { stack, admin, realm } = scenario;
    const added = await oldProcess(t, scenario);
    const old = await signingKid(scenario);
    const token = await admin.mint(realm, await admin.createClient(realm, "user"));
    // It fetches the keys while the old one is trusted, and keeps them.
    await fetch(new URL("/api/me", added.url), { headers: { authorization: `Bearer ${token}` } });
    await added.misbehave("keep-cache");
    succeeded(await rotate(scenario, 1, "INC-1"));
    await stack.setConfig({ targets: [...targetsOf(scenario), { name: "api-9", url: added.url }] });
    assert.match(failed(await stack.up()).output, new RegExp(`api-9 .*still accepts kid ${old}`));
    await added.misbehave("none");
    // It refuses the key now, but nobody saw that it would have accepted it.
    assert.match(failed(await stack.up()).output, /api-9 did not accept the canary token of kid .* before/);
    await stack.setConfig({ targets: targetsOf(scenario) });
    succeeded(await stack.up());
    succeeded(await stack.preview(["--expect-no-changes"]));
  });

  test("another probe path after a green run is another question", async (t) => {
    const scenario = await adoptedScenario(t, { instances: 2 });
    const { stack } = scenario;
    await stack.setConfig({ probe: { watchSeconds: 0, path: "/api/orders" } });
    const { output } = failed(await stack.up());
    assert.match(output, /api-1 .*no verdict on/);
    await stack.setConfig({ probe: { watchSeconds: 0 } });
    succeeded(await stack.up());
  });
});
