import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Scenario } from "../../scripts/lab/scenario.ts";
import { KeyJournal } from "./sequence-journal.ts";
import { scenarioFor } from "./world.ts";

const signing = { priority: "500", enabled: "true", active: "true" };
const off = { active: "false" };

suite("the journal of a realm", () => {
  test("reports each change that leaves an algorithm without a signing key, and none before the first key", async (t) => {
    const scenario = await scenarioFor(t, { instances: 0 });
    const { admin, realm } = scenario;
    const journal = await KeyJournal.open(scenario);
    const first = await makeKey(scenario, "r1-ES256", { ...signing, ...off });
    await admin.setKey(realm, first, signing);
    const second = await makeKey(scenario, "r2-ES256", signing);
    await admin.setKey(realm, first, { enabled: "false" });
    assert.deepEqual(await journal.replay(["ES256"]), { changes: 4, gaps: [] });
    const bare = await makeKey(scenario, "r0-ES256", { priority: "600" });
    await admin.setKey(realm, second, off);
    assert.deepEqual((await journal.replay(["ES256"])).gaps, []);
    await admin.setKey(realm, bare, off);
    const { gaps } = await journal.replay(["ES256"]);
    assert.equal(gaps.length, 1);
    assert.match(gaps[0] ?? "", new RegExp(`^UPDATE components/${bare} `));
  });

  test("knows the realm's first keys: another key may sign for a moment and stop", async (t) => {
    const scenario = await scenarioFor(t, { instances: 0 });
    const { admin, realm } = scenario;
    const original = (await admin.keys(realm)).keys.find(({ algorithm }) => algorithm === "RS256");
    assert.ok(original, "the realm has no key of RS256");
    const journal = await KeyJournal.open(scenario);
    const tried = await makeKey(scenario, "r1-RS256", { ...signing, ...off });
    await admin.setKey(realm, tried, signing);
    await admin.setKey(realm, tried, off);
    assert.deepEqual(await journal.replay(["RS256"]), { changes: 3, gaps: [] });
    await admin.setKey(realm, original.providerId, off);
    const { gaps } = await journal.replay(["RS256"]);
    assert.equal(gaps.length, 1);
    assert.match(gaps[0] ?? "", new RegExp(`^UPDATE components/${original.providerId} `));
  });

  test("a key that signs for a moment, where there never was one, leaves no gap when it is put back to priority 0", async (t) => {
    const scenario = await scenarioFor(t, { instances: 0 });
    const { admin, realm } = scenario;
    const journal = await KeyJournal.open(scenario);
    const tried = await makeKey(scenario, "r1-ES256", { ...signing, ...off, priority: "0" });
    const signer = await makeKey(scenario, "r2-ES256", { ...signing, ...off, priority: "0" });
    await admin.setKey(realm, tried, signing);
    await admin.setKey(realm, tried, { ...off, priority: "0" });
    await admin.setKey(realm, signer, signing);
    assert.deepEqual(await journal.replay(["ES256"]), { changes: 5, gaps: [] });
    await admin.setKey(realm, signer, { ...off, priority: "0" });
    assert.equal((await journal.replay(["ES256"])).gaps.length, 0);
    await admin.setKey(realm, signer, signing);
    await admin.setKey(realm, signer, off);
    assert.equal((await journal.replay(["ES256"])).gaps.length, 1);
  });
});

function makeKey({ admin, realm }: Scenario, name: string, config: Record<string, string>): Promise<string> {
  const providerId = name.endsWith("ES256") ? "ecdsa-generated" : "rsa-generated";
  return admin.createKey(realm, `jwks-break-glass-${name}`, providerId, config);
}
