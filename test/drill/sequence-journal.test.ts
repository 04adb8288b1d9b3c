import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { changesWithoutSigner, keepJournal } from "./sequence-journal.ts";
import { scenarioFor } from "./world.ts";

const signing = { priority: "500", enabled: "true", active: "true" };

suite("the journal of a realm", () => {
  test("tells each change that leaves an algorithm without a key that signs, and none before the first", async (t) => {
    const scenario = await scenarioFor(t, { instances: 0 });
    await keepJournal(scenario);
    const { admin, realm } = scenario;
    const make = (name: string, config: Record<string, string>) =>
      admin.createKey(realm, `jwks-break-glass-${name}-RS256`, "rsa-generated", config);
    const first = await make("r1", { ...signing, active: "false" });
    await admin.setKey(realm, first, signing);
    const second = await make("r2", signing);
    await admin.setKey(realm, first, { enabled: "false" });
    assert.deepEqual(await changesWithoutSigner(scenario, ["RS256"]), { changes: 4, gaps: [] });
    const bare = await make("r0", { priority: "600" });
    await admin.setKey(realm, second, { active: "false" });
    assert.deepEqual((await changesWithoutSigner(scenario, ["RS256"])).gaps, []);
    await admin.setKey(realm, bare, { active: "false" });
    const { gaps } = await changesWithoutSigner(scenario, ["RS256"]);
    assert.equal(gaps.length, 1);
    assert.match(gaps[0] ?? "", new RegExp(`^UPDATE components/${bare} `));
  });
});
