import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import {
  adoptedScenario,
  evidenceOf,
  failed,
  kidOf,
  managedKeys,
  signingKid,
  statusesOf,
  succeeded,
} from "./world.ts";

suite("npm run kill, without Pulumi's engine and state", () => {
  test("with the backend gone: the old key is dead, every instance proven, and the up after it adopts the key", async (t) => {
    const scenario = await adoptedScenario(t);
    const { admin, realm, stack, directory } = scenario;
    const client = await admin.createClient(realm, "frontend");
    const stolen = await admin.mint(realm, client);
    await rm(join(directory, "backend", ".pulumi"), { recursive: true });

    const killed = succeeded(await stack.script("kill", ["--incident", "INC-2", "--yes", realm]));
    console.log(killed.output);
    assert.deepEqual(await statusesOf(scenario, stolen), [401, 401, 401, 401]);
    const evidence = await evidenceOf(scenario, "INC-2", 2);
    assert.equal(evidence.outcome, "verified");
    const kid = await signingKid(scenario);
    assert.notEqual(kid, kidOf(stolen));
    await stack.init();
    await scenario.rotateTo(2, "INC-2");
    const up = await stack.up();
    console.log(up.output);
    succeeded(up);
    assert.equal(await signingKid(scenario), kid);
    void failed;
    void managedKeys;
  });
});
