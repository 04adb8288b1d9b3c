import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import type { Login } from "../../scripts/lab/keycloak-realms.ts";
import type { Scenario } from "../../scripts/lab/scenario.ts";
import { call } from "../lab/sample-api/calls.ts";
import { upKilledAt } from "./killed-up.ts";
import { adoptedScenario, evidenceOf, failed, rotate, scenarioFor, signingKid, succeeded } from "./world.ts";

interface World {
  scenario: Scenario;
  login(username: string): Promise<Login>;
  /** The status that each instance answers to an administrator's write. */
  write(session: Login): Promise<number[]>;
}

/** A realm before its first rotation, over two instances. */
async function worldOf(t: TestContext): Promise<World> {
  const scenario = await scenarioFor(t, { instances: 2 });
  const { admin, realm, fleet } = scenario;
  const client = await admin.createClient(realm, "frontend");
  for (const name of ["mallory", "alicia"])
    await admin.createUser(realm, name, { password: `${name}-password`, realmRoles: ["admin"] });
  return {
    scenario,
    login: (username) => admin.login(realm, client, username, `${username}-password`),
    write: ({ access_token }) =>
      Promise.all(
        fleet.instances.map(
          async (instance) => (await call(instance, "POST", "/api/admin/prices", access_token)).status,
        ),
      ),
  };
}

suite("a red run stays red until the cause is fixed", () => {
  test("the next rotation asks again about a kid that an instance still accepted", async (t) => {
    const { scenario } = await worldOf(t);
    const { stack, fleet } = scenario;
    const stolen = await signingKid(scenario);
    await fleet.instances[1]?.misbehave("keep-cache");
    failed(await rotate(scenario, 1, "INC-1"));
    await stack.setConfig({ mode: "planned", rotation: 2, incident: undefined });
    const caught = new RegExp(`api-2 still accepts kid ${stolen} `);
    assert.match(failed(await stack.up()).output, caught);
    assert.match(failed(await stack.up()).output, caught);
    await fleet.instances[1]?.misbehave("none");
    succeeded(await stack.up());
    succeeded(await stack.preview(["--expect-no-changes"]));
  });

  test("after an emergency that was killed after its cut-over, another rotation proves the same as the same up", async (t) => {
    const { scenario } = await worldOf(t);
    const { stack, fleet } = scenario;
    const stolen = await signingKid(scenario);
    await fleet.instances[1]?.misbehave("keep-cache");
    await scenario.rotateTo(1, "INC-1");
    await upKilledAt(scenario, /\[cut-over\] .* is disabled/);
    await stack.cancel();
    const { output } = failed(await rotate(scenario, 2, "INC-1"));
    assert.match(output, new RegExp(`api-2 .*still accepts kid ${stolen}`));
    await fleet.instances[1]?.misbehave("none");
    succeeded(await stack.up());
    const { retired, verification } = await evidenceOf(scenario, "INC-1", 2);
    assert.ok(retired.some(({ kid }) => kid === stolen));
    assert.deepEqual(
      verification?.instances.map(({ proof }) => proof),
      ["replayed", "replayed"],
    );
  });

  test("a key that somebody disabled before the emergency does not count as proven dead", async (t) => {
    const scenario = await adoptedScenario(t, { instances: 1 });
    const { admin, realm, fleet } = scenario;
    const stolen = await signingKid(scenario);
    const token = await admin.mint(realm, await admin.createClient(realm, "thief"));
    await fleet.instances[0]?.misbehave("keep-cache");
    const { keys } = await admin.keys(realm);
    const component = keys.find(({ kid }) => kid === stolen)?.providerId ?? assert.fail("no such key");
    await admin.setKey(realm, component, { enabled: "false" });
    const { output } = failed(await rotate(scenario, 2, "INC-2"));
    assert.match(
      output,
      new RegExp(`can't be asked about kid ${stolen}, for which there are no canary tokens`),
    );
    assert.equal(await fleet.instances[0]?.statusOf("/api/me", token), 200);
    const { retired } = await evidenceOf(scenario, "INC-2", 2);
    assert.deepEqual(
      retired.map(({ kid, disabledAtIsExact }) => [kid, disabledAtIsExact]),
      [[stolen, false]],
    );
  });

  test("sessions that an instance missed are denied by the next attempt, and mode planned does not hide them", async (t) => {
    const { scenario, login, write } = await worldOf(t);
    const { stack, fleet } = scenario;
    await rotate(scenario, 1, "INC-1");
    const mallory = await login("mallory");
    await fleet.instances[1]?.misbehave("wrong-token");
    await stack.setConfig({ sessions: { revoke: { users: ["mallory"] } } });
    assert.match(failed(await stack.up()).output, /api-2 does not take the deny-list/);
    assert.deepEqual(await write(mallory), [403, 200]);
    await stack.setConfig({ mode: "planned" });
    assert.match(failed(await stack.up()).output, /api-2 does not take the deny-list/);

    await fleet.instances[1]?.misbehave("none");
    await stack.setConfig({ mode: "emergency" });
    succeeded(await stack.up());
    assert.deepEqual(await write(mallory), [403, 403]);
    const { sessions } = await evidenceOf(scenario, "INC-1", 1);
    assert.deepEqual(
      sessions?.ended.map(({ sid }) => sid),
      [mallory.sid],
    );
  });

  test("later changes in the same emergency are verified and in the evidence, and freeze nobody for good", async (t) => {
    const { scenario, login, write } = await worldOf(t);
    const { stack } = scenario;
    const frozen = { freeze: "api", sessions: { revoke: "none" } };
    await scenario.rotateTo(1, "INC-1", frozen);
    succeeded(await stack.up());
    assert.deepEqual(await write(await login("alicia")), [200, 200]);
    await stack.setConfig({ sessions: { revoke: { users: ["mallory"] } } });
    succeeded(await stack.up());
    assert.deepEqual(await write(await login("alicia")), [200, 200]);
    await stack.setConfig({ internalKeys: ["hmac"] });
    succeeded(await stack.up());
    const { internalKeys, sessions } = await evidenceOf(scenario, "INC-1", 1);
    assert.deepEqual([internalKeys?.failures, sessions?.failures], [[], []]);
    assert.equal(internalKeys?.keys.length, 1);
    assert.deepEqual(await write(await login("alicia")), [200, 200]);
    succeeded(await stack.preview(["--expect-no-changes"]));
  });

  test("a freeze that was released and requested again is lifted by the green run", async (t) => {
    const { scenario, login, write } = await worldOf(t);
    const { stack, fleet } = scenario;
    await fleet.instances[1]?.misbehave("keep-cache");
    await scenario.rotateTo(1, "INC-1", { freeze: "api" });
    failed(await stack.up());
    await stack.setConfig({ freeze: "release" });
    failed(await stack.up());
    await stack.setConfig({ freeze: "api" });
    await fleet.instances[1]?.misbehave("none");
    succeeded(await stack.up());
    assert.deepEqual(await write(await login("alicia")), [200, 200]);
  });

  test("destroying a stack lifts its freeze", async (t) => {
    const { scenario, login, write } = await worldOf(t);
    const { admin, realm, stack, fleet } = scenario;
    await fleet.instances[1]?.misbehave("keep-cache");
    await scenario.rotateTo(1, "INC-1", { freeze: "both" });
    failed(await stack.up());
    const session = await login("alicia");
    assert.deepEqual(await write(session), [423, 423]);
    const { output } = succeeded(await stack.destroy());
    assert.match(output, /\[cut-over\] realm \S+ is forgotten: it goes on signing with the keys it has/);
    assert.deepEqual(await write(session), [200, 200]);
    assert.equal((await admin.client(realm, "security-admin-console")).enabled, true);
  });
});
