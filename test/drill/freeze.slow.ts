import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import type { Scenario } from "../../scripts/lab/scenario.ts";
import { upKilledAt } from "./killed-up.ts";
import { evidenceOf, failed, rotate, scenarioFor, succeeded } from "./world.ts";

interface Admins {
  scenario: Scenario;
  /** The status that each instance answers to an administrator's write. */
  write: () => Promise<number[]>;
  /** Logs the realm's own administrator in with admin-cli. */
  enterConsole: () => Promise<unknown>;
}

/** A realm before its first rotation, with an administrator of its own and one of the API's. */
async function admins(t: TestContext): Promise<Admins> {
  const scenario = await scenarioFor(t);
  const { admin, realm, fleet } = scenario;
  const client = await admin.createClient(realm, "frontend");
  await admin.createUser(realm, "alicia", { password: "alicia-password", realmRoles: ["admin"] });
  await scenario.stack.setConfig({ freeze: "both" });
  const login = (by: { clientId: string }) => admin.login(realm, by, "alicia", "alicia-password");
  const write = async () => {
    const { access_token } = await login(client);
    const headers = { authorization: `Bearer ${access_token}` };
    return Promise.all(
      fleet.instances.map(async ({ url }) => {
        const { status, body } = await fetch(`${url}/api/admin/prices`, { method: "POST", headers });
        await body?.cancel();
        return status;
      }),
    );
  };
  return { scenario, write, enterConsole: () => login({ clientId: "admin-cli" }) };
}

/** Byte for byte. */
async function clientsOf({ admin, realm }: Scenario): Promise<string> {
  const clients = [
    await admin.client(realm, "admin-cli"),
    await admin.client(realm, "security-admin-console"),
  ];
  return JSON.stringify(clients);
}

const free = [200, 200, 200];
const frozen = [423, 423, 423];

suite("a freeze", () => {
  test("stays after a red run, is lifted by a green one, and leaves everything exactly as it was before", async (t) => {
    const { scenario, write, enterConsole } = await admins(t);
    const before = await clientsOf(scenario);
    assert.deepEqual(await write(), free);
    await enterConsole();
    await scenario.fleet.instances[0]?.misbehave("keep-cache");
    failed(await rotate(scenario, 1, "INC-1"));
    assert.deepEqual(await write(), frozen);
    await assert.rejects(enterConsole(), /401/);
    await scenario.fleet.instances[0]?.misbehave("none");
    succeeded(await scenario.stack.up());
    assert.deepEqual(await write(), free);
    assert.equal(await clientsOf(scenario), before);
    await enterConsole();
    const { freeze, phases } = await evidenceOf(scenario, "INC-1", 1);
    assert.deepEqual(
      freeze?.clients.map(({ clientId, outcome }) => [clientId, outcome]),
      [
        ["security-admin-console", "frozen"],
        ["admin-cli", "frozen"],
      ],
    );
    assert.equal(phases[0]?.phase, "freeze");
    succeeded(await scenario.stack.preview(["--expect-no-changes"]));
  });

  test("survives a crash between the two clients, and the next up completes it", async (t) => {
    const { scenario, write } = await admins(t);
    const { admin, realm, stack } = scenario;
    const before = await clientsOf(scenario);
    succeeded(await rotate(scenario, 1, "INC-1"));
    await scenario.rotateTo(2, "INC-2");
    await upKilledAt(scenario, /\[freeze\] client security-admin-console is disabled/);
    await stack.cancel();
    assert.equal((await admin.client(realm, "security-admin-console")).enabled, false);
    succeeded(await stack.up());
    assert.deepEqual(await write(), free);
    assert.equal(await clientsOf(scenario), before);
  });

  test("is lifted by freeze: release, although the verification is red", async (t) => {
    const { scenario, write } = await admins(t);
    const before = await clientsOf(scenario);
    await scenario.fleet.instances[0]?.misbehave("keep-cache");
    failed(await rotate(scenario, 1, "INC-1"));
    await scenario.stack.setConfig({ freeze: "release" });
    failed(await scenario.stack.up());
    assert.deepEqual(await write(), free);
    assert.equal(await clientsOf(scenario), before);
  });

  test("does not change a client that was already disabled", async (t) => {
    const { scenario } = await admins(t);
    const { admin, realm } = scenario;
    const { id } = await admin.client(realm, "security-admin-console");
    await admin.setClient(realm, id, { enabled: false });
    const before = await clientsOf(scenario);
    succeeded(await rotate(scenario, 1, "INC-1"));
    assert.equal(await clientsOf(scenario), before);
    const { freeze } = await evidenceOf(scenario, "INC-1", 1);
    assert.equal(freeze?.clients[0]?.outcome, "was-disabled");
  });
});
