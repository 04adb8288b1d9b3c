import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import { z } from "zod";
import { movedClockEnv } from "../../scripts/lab/moved-clock.ts";
import type { Scenario } from "../../scripts/lab/scenario.ts";
import { startTraffic } from "../../scripts/lab/traffic.ts";
import {
  evidenceOf,
  failed,
  kidOf,
  managedKeys,
  scenarioFor,
  signingKid,
  statusesOf,
  succeeded,
} from "./world.ts";

/** Later than the overlap of a realm with Keycloak's defaults: access tokens of 5 min, and 1 min of clock skew. */
const afterOverlap = { env: movedClockEnv(7 * 60_000) };

const outputsShape = z.looseObject({
  kids: z.record(z.string(), z.string()),
  passiveKids: z.array(z.string()),
  retiredKids: z.array(z.string()),
  retireAfter: z.string().nullable(),
});

async function outputsOf(scenario: Scenario) {
  return outputsShape.parse(await scenario.stack.outputs());
}

async function plannedScenario(t: TestContext): Promise<Scenario> {
  return scenarioFor(t, { config: { mode: "planned", rotation: 1 } });
}

/** A realm whose default key was taken through a planned rotation 1, and retired. */
async function retiredScenario(t: TestContext): Promise<Scenario> {
  const scenario = await plannedScenario(t);
  succeeded(await scenario.stack.up());
  succeeded(await scenario.stack.up([], afterOverlap));
  return scenario;
}

/** A realm in the middle of the overlap of rotation 2, and a token of the key of rotation 1. */
async function inOverlap(t: TestContext): Promise<{ scenario: Scenario; old: string; client: Client }> {
  const scenario = await retiredScenario(t);
  const { admin, realm, stack } = scenario;
  const client = await admin.createClient(realm, "frontend");
  const old = await admin.mint(realm, client);
  await stack.setConfig({ rotation: 2 });
  succeeded(await stack.up());
  return { scenario, old, client };
}

type Client = { clientId: string; clientSecret: string };

suite("a planned rotation", () => {
  test("adopts a realm's default key, retires it, goes on to rotation 2 and retires again, all without one failed request", async (t) => {
    const scenario = await plannedScenario(t);
    const { admin, realm, fleet, stack } = scenario;
    const unmanaged = await signingKid(scenario);
    const traffic = await startTraffic({ admin, realm, fleet });
    t.after(() => traffic.stop());
    const preview = succeeded(await stack.preview());
    assert.match(preview.output, new RegExp(`kid ${unmanaged} \\(RS256, rsa-generated\\) no longer signs`));
    succeeded(await stack.up());
    const first = await signingKid(scenario);
    const adopted = await outputsOf(scenario);
    assert.deepEqual(
      [adopted.kids, adopted.passiveKids, adopted.retiredKids],
      [{ RS256: first }, [unmanaged], []],
    );
    await traffic.settled();
    assert.deepEqual(traffic.failures, []);

    const due = await stack.preview([], afterOverlap);
    assert.match(succeeded(due).output, new RegExp(`retire kid ${unmanaged} \\(RS256, rsa-generated\\)`));
    // The clock is moved for the program only: what has expired by it is no longer used.
    await traffic.forgetTokens();
    succeeded(await stack.up([], afterOverlap));
    assert.deepEqual((await outputsOf(scenario)).retiredKids, [unmanaged]);

    const client = await admin.createClient(realm, "frontend");
    const old = await admin.mint(realm, client);
    assert.equal(kidOf(old), first);
    await stack.setConfig({ rotation: 2 });
    succeeded(await stack.up());
    const second = await signingKid(scenario);
    assert.deepEqual(await statusesOf(scenario, old), [200, 200, 200, 200]);
    succeeded(await stack.preview(["--expect-no-changes"]));
    const overlap = await evidenceOf(scenario, "planned", 2);
    assert.deepEqual([overlap.outcome, overlap.stage, overlap.retired], ["verified", "overlap", []]);
    assert.deepEqual(overlap.announced?.known, ["api-1", "api-2", "api-3"]);

    await traffic.forgetTokens();
    succeeded(await stack.up([], afterOverlap));
    assert.deepEqual(await statusesOf(scenario, old), [401, 401, 401, 401]);
    const final = await evidenceOf(scenario, "planned", 2);
    assert.deepEqual(
      final.verification?.instances.map(({ proof }) => proof),
      ["replayed", "replayed", "replayed"],
    );
    assert.deepEqual(await admin.publishedKids(realm), [second]);
    await traffic.settled();
    assert.deepEqual(traffic.failures, []);
    assert.deepEqual([...traffic.kids.keys()], [unmanaged, first, second]);
    assert.ok(traffic.requests > 100, `only ${traffic.requests} requests`);
  });

  test("an instance that can't be told of the new key stops it before that key signs", async (t) => {
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

  test("canaries that have expired are minted anew before a retirement, and the key outlives what it signed then", async (t) => {
    // Tokens of the realm live for 2 s, so that waiting for them is no matter of minutes, and canaries for 10 h at most.
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
    const { passiveKids } = await outputsOf(scenario);
    const result = succeeded(await stack.up([], { env: movedClockEnv(580 * 60_000) }));
    assert.match(
      result.output,
      /waiting another \d s until tokens that the passive keys signed have expired/,
    );
    assert.deepEqual((await outputsOf(scenario)).retiredKids, passiveKids);
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
    const { retiredKids } = await outputsOf(scenario);
    assert.equal(retiredKids.length, 2);
  });

  test("the same rotation in emergency mode kills the passive key at once", async (t) => {
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

  test("a rollback makes the old key sign again, the new one dies after an overlap of its own", async (t) => {
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
    const { kids, passiveKids } = await outputsOf(scenario);
    assert.deepEqual([kids, passiveKids], [{ RS256: kidOf(old) }, [kidOf(taken)]]);

    succeeded(await stack.up([], afterOverlap));
    assert.deepEqual(await statusesOf(scenario, taken), [401, 401, 401, 401]);
    assert.deepEqual(await statusesOf(scenario, old), [200, 200, 200, 200]);
    await stack.setConfig({ mode: "planned" });
    assert.match(failed(await stack.preview()).output, /rotation: 2 is over.*set 3/);
  });

  test("a rollback of the adoption takes the unmanaged key over, so that a managed one goes on signing", async (t) => {
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

  test("without a passive key a rollback is refused, and says what to do", async (t) => {
    const scenario = await retiredScenario(t);
    await scenario.stack.setConfig({ mode: "rollback" });
    const { output } = failed(await scenario.stack.preview());
    assert.match(output, /mode: rollback is not possible.*rotation to 2 for a new key/s);
  });
});
