import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import type { Scenario } from "../../scripts/lab/scenario.ts";
import type { LabStack, RunResult } from "../../scripts/lab/stack.ts";
import { adoptedScenario, anotherStack, failed, managedKeys, signingKid, succeeded } from "./world.ts";

/** How a race goes is left to chance, so there is none in the gate: RACES=20 runs so many of a kind. */
const races = Number(process.env.RACES ?? 0);

interface World {
  scenario: Scenario;
  /** Of two stacks on one realm, each with a state of its own. */
  stacks: [LabStack, LabStack];
}

async function worldOf(t: TestContext): Promise<World> {
  const scenario = await adoptedScenario(t, { instances: 2 });
  return { scenario, stacks: [scenario.stack, await anotherStack(t, scenario, "other")] };
}

/** Looks again and again, until the work is done, whether one of our keys signs. */
async function watchSigner<T>({ admin, realm }: Scenario, work: Promise<T>): Promise<T> {
  let isOver = false;
  const end = () => {
    isOver = true;
  };
  work.then(end, end);
  let looks = 0;
  while (!isOver) {
    const { active, keys } = await admin.keys(realm);
    const components = await admin.keyComponents(realm);
    const signer = keys.find(({ kid }) => kid === active.RS256);
    const owner = components.find(({ id }) => id === signer?.providerId);
    // A key that was made between the two requests has no component yet.
    if (signer && !owner) continue;
    assert.match(owner?.name ?? "no key signs", /^jwks-break-glass-r/);
    looks += 1;
  }
  assert.ok(looks > 10, `${looks} looks`);
  return work;
}

const refusals =
  /LEASE_HELD|LEASE_LOST|KEY_NOT_OURS|ROTATION_OVERTAKEN|is in the realm already, made by stack/;

async function race({ scenario, stacks }: World, ofFirst: object, ofSecond: object): Promise<RunResult[]> {
  const [first, second] = stacks;
  await first.setConfig({ ...ofFirst });
  await second.setConfig({ ...ofSecond });
  return watchSigner(scenario, Promise.all([first.up(), second.up()]));
}

suite("two stacks on one realm", { skip: races === 0 && "run with RACES=20" }, () => {
  test("racing emergencies: the realm can sign at every look, the old key dies, and who is refused is told by whom", async (t) => {
    const world = await worldOf(t);
    for (let rotation = 2; rotation < 2 + races; rotation += 1) {
      const old = await signingKid(world.scenario);
      const results = await race(
        world,
        { rotation, incident: `INC-${rotation}-a` },
        { rotation, incident: `INC-${rotation}-b` },
      );
      const outputs = results.map(({ output }) => output).join("\n\n");
      // What the other stack has proven of its own earlier keys is not in this one's state: that alone may make it red.
      const refused = results.filter(({ output }) => refusals.test(output));
      assert.equal(refused.length, 1, outputs);
      assert.match(refused[0]?.output ?? "", /stack (drill|other)/);
      failed(refused[0] ?? assert.fail(outputs));
      assert.ok(!(await world.scenario.admin.publishedKids(world.scenario.realm)).includes(old));
    }
  });

  test("a planned rotation that races with an emergency gives way, and the stolen key dies", async (t) => {
    const world = await worldOf(t);
    const stolen = await signingKid(world.scenario);
    const planned = { mode: "planned", rotation: 2, incident: undefined };
    const results = await race(world, planned, { rotation: 3, incident: "INC-3" });
    assert.ok(!(await world.scenario.admin.publishedKids(world.scenario.realm)).includes(stolen));
    const [ofPlanned, ofEmergency] = results;
    if (ofPlanned?.exitCode !== 0)
      assert.match(ofPlanned?.output ?? "", /LEASE_|ROTATION_|JWKS_NOT_CURRENT|rotation: 2 is lower/);
    if (ofEmergency?.exitCode !== 0) assert.match(ofEmergency?.output ?? "", refusals);
    const [, other] = world.stacks;
    if (ofEmergency?.exitCode !== 0) succeeded(await other.up());
    assert.deepEqual((await managedKeys(world.scenario)).enabled, ["jwks-break-glass-r3-RS256"]);
  });
});

suite("an emergency whose rotation was not bumped", () => {
  test("is refused in the preview already, and nothing is changed", async (t) => {
    const { scenario, stacks } = await worldOf(t);
    const [stack, other] = stacks;
    const kid = await signingKid(scenario);
    await stack.setConfig({ incident: "INC-2" });
    const forgotten = new RegExp(
      `rotation: it is still 1, kid ${kid} .* signs already and no key would be retired for INC-2; set rotation to 2`,
    );
    assert.match(failed(await stack.preview()).output, forgotten);
    assert.match(failed(await stack.up()).output, forgotten);
    assert.equal(await signingKid(scenario), kid);
    // The other stack knows nothing of this key: not as its own either, whatever the incident.
    await other.setConfig({ rotation: 1, incident: "INC-2" });
    assert.match(failed(await other.preview()).output, forgotten);
    await stack.setConfig({ rotation: 2 });
    succeeded(await stack.up());
    succeeded(await stack.preview(["--expect-no-changes"]));
  });

  test("a stack that lost its state after a red emergency is red until what that left open is proven", async (t) => {
    const { scenario } = await worldOf(t);
    const { fleet, stack } = scenario;
    const stolen = await signingKid(scenario);
    await fleet.instances[1]?.misbehave("keep-cache");
    await scenario.rotateTo(2, "INC-2");
    assert.match(failed(await stack.up()).output, new RegExp(`api-2 still accepts kid ${stolen}`));
    const fresh = await anotherStack(t, scenario, "drill");
    await fresh.setConfig({ rotation: 2, incident: "INC-2" });
    assert.match(
      failed(await fresh.up()).output,
      new RegExp(`about kid ${stolen}, for which there are no canary`),
    );
    await fleet.instances[1]?.misbehave("none");
    succeeded(await stack.up());
    const later = await anotherStack(t, scenario, "drill");
    await later.setConfig({ rotation: 2, incident: "INC-2" });
    succeeded(await later.up());
  });

  test("a stack that lost its state does not take a key for its own that may be stolen", async (t) => {
    const { scenario, stacks } = await worldOf(t);
    const [, other] = stacks;
    const { admin, realm } = scenario;
    // Something is left to retire, so that the emergency is not empty; and yet the key of its own number is not its own.
    await admin.createKey(realm, "left-by-hand", "rsa-generated", { active: "false" });
    const kid = await signingKid(scenario);
    await other.setConfig({ rotation: 1, incident: "INC-2" });
    const foreign = new RegExp(
      `kid ${kid} .*is in the realm already, made by stack drill for INC-1 and not by stack other for INC-2.*set rotation to 2`,
    );
    assert.match(failed(await other.preview()).output, foreign);
    assert.match(failed(await other.up()).output, foreign);
    assert.equal(await signingKid(scenario), kid);
    await other.setConfig({ rotation: 2 });
    succeeded(await other.up());
    assert.notEqual(await signingKid(scenario), kid);
  });
});
