import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { LabKeycloak } from "../../scripts/lab/keycloak.ts";
import { openStack } from "../../scripts/lab/stack.ts";
import { adoptedScenario, evidenceOf, rotate, statusesOf, succeeded } from "./world.ts";

const projectDir = fileURLToPath(new URL("./fixtures/provider-realm", import.meta.url));

/** Makes a realm with Pulumi's own Keycloak provider: its id is its name. */
async function makeRealm(t: TestContext, keycloak: LabKeycloak, realm: string): Promise<void> {
  const backendDir = await mkdtemp(join(tmpdir(), "provider-realm-"));
  t.after(() => rm(backendDir, { recursive: true, force: true }));
  const stack = await openStack({ projectDir, stack: "test", backendDir });
  await stack.setConfig(
    { "keycloak:url": keycloak.url, "keycloak:clientId": keycloak.adminClientId, realm },
    { "keycloak:clientSecret": keycloak.adminClientSecret },
  );
  succeeded(await stack.up());
  assert.equal((await stack.outputs()).id, realm);
  await stack.dispose();
}

suite("a realm that the provider made", () => {
  test("an emergency rotation also works if the realm's id is its name", async (t) => {
    const scenario = await adoptedScenario(t, {
      makeRealm: (_admin, name, keycloak) => makeRealm(t, keycloak, name),
    });
    const { admin, realm } = scenario;
    assert.equal(((await admin.get(`/${realm}`)) as { id: string }).id, realm);
    const client = await admin.createClient(realm, "frontend");
    const stolen = await admin.mint(realm, client);
    succeeded(await rotate(scenario, 2, "INC-2"));
    assert.deepEqual(await statusesOf(scenario, stolen), [401, 401, 401, 401]);
    assert.deepEqual(await statusesOf(scenario, await admin.mint(realm, client)), [200, 200, 200, 200]);
    assert.equal((await evidenceOf(scenario, "INC-2", 2)).outcome, "verified");
  });
});
