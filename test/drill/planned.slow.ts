import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import { movedClockEnv } from "../../scripts/lab/moved-clock.ts";
import type { Scenario } from "../../scripts/lab/scenario.ts";
import {
  adoptedScenario,
  afterOverlap,
  evidenceOf,
  failed,
  kidOf,
  managedKeys,
  plannedOutputs,
  plannedScenario,
  scenarioFor,
  signingKid,
  statusesOf,
  succeeded,
} from "./world.ts";

/** A realm that trusts the key of rotation 1 only, and whose next rotations are planned. */
async function settledScenario(t: TestContext): Promise<Scenario> {
  const scenario = await adoptedScenario(t);
  await scenario.stack.setConfig({ mode: "planned", incident: undefined });
  return scenario;
}

/** A realm in the middle of the overlap of rotation 2, and a token of the key of rotation 1. */
async function inOverlap(t: TestContext): Promise<{ scenario: Scenario; old: string; client: Client }> {
  const scenario = await settledScenario(t);
  const { admin, realm, stack } = scenario;
  const client = await admin.createClient(realm, "frontend");
  const old = await admin.mint(realm, client);
  await stack.setConfig({ rotation: 2 });
  succeeded(await stack.up());
  return { scenario, old, client };
}

type Client = { clientId: string; clientSecret: string };

suite("a planned rotation", () => {
  test("an instance that can't be refreshed stops the rotation before the new key signs", async (t) => {
    const scenario = await plannedScenario(t);
    const before = await signingKid(scenario);
    await scenario.fleet.instances[1]?.misbehave("error-500");
    const { output } = failed(await scenario.stack.up());
    assert.match(output, /ANNOUNCE_FAILED.*api-2 can't be refreshed: HTTP 500/s);
    assert.equal(await signingKid(scenario), before);
    assert.equal((await evidenceOf(scenario, "planned", 1)).failedPhase, "announce");
    await scenario.fleet.instances[1]?.misbehave("none");
    succeeded(await scenario.stack.up());
  });

  test("expired canaries are minted again before a retirement, and the key is trusted until they have expired", async (t) => {
    // Tokens of the realm live for 2 s, so that the test need not wait for minutes, and canaries for 10 h at most.
    const realmSettings = {
      accessTokenLifespan: 2,
      offlineSessionMaxLifespanEnabled: true,
      offlineSessionMaxLifespan: 36_000,
    };
    const config = { mode: "planned", rotation: 1, probe: { clockSkewSeconds: 1 } };
    const scenario = await scenarioFor(t, {
      config,
      makeRealm: (admin, name) => admin.createRealm(name, realmSettings),
    });
    const { stack } = scenario;
    succeeded(await stack.up());
    const { passiveKids } = await plannedOutputs(scenario);
    const result = succeeded(await stack.up([], { env: movedClockEnv(580 * 60_000) }));
    assert.match(
      result.output,
      /waiting another \d s until tokens that the passive keys signed have expired/,
    );
    assert.deepEqual((await plannedOutputs(scenario)).retiredKids, passiveKids);
  });
});

suite("in mid-overlap", () => {
  test("another planned rotation is refused with the time left, and nothing is touched", async (t) => {
    const { scenario } = await inOverlap(t);
    const { admin, realm, stack } = scenario;
    const before = await admin.keys(realm);
    await stack.setConfig({ rotation: 3 });
    for (const run of [await stack.preview(), await stack.up()]) {
      const { output } = failed(run);
      assert.match(
        output,
        /rotation: 3 must wait, the overlap of rotation 2 ends at \S+ \(\d min( \d+ s)? left\)/,
      );
    }
    assert.deepEqual(await admin.keys(realm), before);
    await stack.setConfig({ mode: "emergency", incident: "INC-3" });
    succeeded(await stack.up());
    const { enabled } = await managedKeys(scenario);
    assert.deepEqual(enabled, ["jwks-break-glass-r3-RS256"]);
    const { retiredKids } = await plannedOutputs(scenario);
    assert.equal(retiredKids.length, 2);
  });

  test("the same rotation in emergency mode disables the passive key at once", async (t) => {
    const { scenario, old } = await inOverlap(t);
    const { stack } = scenario;
    const signer = await signingKid(scenario);
    await stack.setConfig({ mode: "emergency", incident: "INC-2" });
    const preview = succeeded(await stack.preview());
    assert.match(preview.output, new RegExp(`disable kid ${kidOf(old)} .* at once`));
    succeeded(await stack.up());
    assert.deepEqual(await statusesOf(scenario, old), [401, 401, 401, 401]);
    assert.equal(await signingKid(scenario), signer);
    const { outcome, mode, notProven } = await evidenceOf(scenario, "INC-2", 2);
    assert.deepEqual([outcome, mode], ["verified", "emergency"], notProven.join("\n"));
    await stack.setConfig({ mode: "planned" });
    succeeded(await stack.preview(["--expect-no-changes"]));
  });

  test("a rollback makes the old key sign again, and the new key is retired after an overlap of its own", async (t) => {
    const { scenario, old, client } = await inOverlap(t);
    const { admin, realm, stack } = scenario;
    const taken = await admin.mint(realm, client);
    await stack.setConfig({ mode: "rollback" });
    const preview = succeeded(await stack.preview());
    assert.match(preview.output, new RegExp(`kid ${kidOf(old)} .* signs again`));
    assert.match(preview.output, new RegExp(`kid ${kidOf(taken)} .* no longer signs`));
    succeeded(await stack.up());
    assert.equal(await signingKid(scenario), kidOf(old));
    for (const token of [old, taken])
      assert.deepEqual(await statusesOf(scenario, token), [200, 200, 200, 200]);
    const { kids, passiveKids } = await plannedOutputs(scenario);
    assert.deepEqual([kids, passiveKids], [{ RS256: kidOf(old) }, [kidOf(taken)]]);

    succeeded(await stack.up([], afterOverlap));
    assert.deepEqual(await statusesOf(scenario, taken), [401, 401, 401, 401]);
    assert.deepEqual(await statusesOf(scenario, old), [200, 200, 200, 200]);
    await stack.setConfig({ mode: "planned" });
    assert.match(failed(await stack.preview()).output, /rotation: 2 is over.*set rotation to 3/);
  });

  test("a rollback of the adoption takes over the unmanaged key, so that a managed key signs", async (t) => {
    const scenario = await plannedScenario(t);
    const unmanaged = await signingKid(scenario);
    succeeded(await scenario.stack.up());
    await scenario.stack.setConfig({ mode: "rollback" });
    succeeded(await scenario.stack.up());
    assert.equal(await signingKid(scenario), unmanaged);
    assert.deepEqual((await managedKeys(scenario)).all, [
      "jwks-break-glass-r0-RS256",
      "jwks-break-glass-r1-RS256",
    ]);
  });

  test("without a passive key a rollback is refused, and the message says what to do", async (t) => {
    const scenario = await settledScenario(t);
    await scenario.stack.setConfig({ mode: "rollback" });
    const { output } = failed(await scenario.stack.preview());
    assert.match(output, /mode: rollback is not possible.*rotation to 2 for a new key/s);
  });
});
