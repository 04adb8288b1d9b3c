import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { evidenceOf, failed, quickGiveUp, rotate, scenarioFor, signingKid, succeeded } from "./world.ts";

suite("misbehaving instances", () => {
  test("a red verification stays red in the state, and a refresh of the stack does not turn it green", async (t) => {
    const scenario = await scenarioFor(t, { instances: 2, config: quickGiveUp });
    const [first] = scenario.fleet.instances;
    await first?.misbehave("keep-cache");
    failed(await rotate(scenario, 1, "INC-1"));
    succeeded(await scenario.stack.refresh());
    failed(await scenario.stack.up());
    const state = await scenario.stack.export();
    const verification = state.deployment.resources?.find(({ type }) => type.endsWith("jwks:Verification"));
    assert.equal(verification?.outputs?.verified, false);
  });

  test("instances that accept forged tokens, each in its way, are found, and no other is named", async (t) => {
    const kinds = ["accept-all", "accept-none-alg", "accept-hs256-confusion"] as const;
    const config = { probe: { clockSkewSeconds: 0, watchSeconds: 0 } };
    const scenario = await scenarioFor(t, { instances: kinds.length + 1, config });
    for (const [index, kind] of kinds.entries()) await scenario.fleet.instances[index]?.misbehave(kind);
    const { output } = failed(await rotate(scenario, 1, "INC-1"));
    for (const index of kinds.keys()) assert.match(output, new RegExp(`- api-${index + 1} .*accepts`));
    assert.doesNotMatch(output, /- api-4 /);
    const { verification, outcome } = await evidenceOf(scenario, "INC-1", 1);
    assert.equal(outcome, "failed");
    const [acceptsAll] = verification?.instances ?? [];
    assert.equal(acceptsAll?.proof, "unproven");
    assert.match(
      acceptsAll.reasons.join("\n"),
      /accepted a forged token with kid \S+ before the cut-over: its probe can't say no/,
    );
  });

  test("an instance that accepts every token stops a planned rotation before any key changes", async (t) => {
    const scenario = await scenarioFor(t, { instances: 2, config: quickGiveUp });
    const before = await scenario.admin.keyComponents(scenario.realm);
    await scenario.fleet.instances[0]?.misbehave("accept-all");
    await scenario.rotateTo(1, "INC-1", { mode: "planned" });
    const { output } = failed(await scenario.stack.up());
    assert.match(output, /PROBE_TAKES_FORGERIES: api-1 accepted a token with a wrong signature/);
    assert.deepEqual(await scenario.admin.keyComponents(scenario.realm), before);
    assert.equal((await evidenceOf(scenario, "INC-1", 1)).failedPhase, "canary");
  });

  test("an instance that is down throughout is unproven, and the message says that only a new rotation can prove it", async (t) => {
    const scenario = await scenarioFor(t, { instances: 2, config: quickGiveUp });
    const [first] = scenario.fleet.instances;
    await first?.stop();
    const down = failed(await rotate(scenario, 1, "INC-1"));
    assert.match(down.output, /api-1 does not answer: connection refused/);
    await first?.start();
    const back = failed(await scenario.stack.up());
    assert.match(
      back.output,
      /api-1 did not accept the canary token of kid \S+ before the cut-over[\s\S]*bump rotation/,
    );
    succeeded(await rotate(scenario, 2, "INC-2"));
  });

  test("if no instance accepts the probe's token, an emergency kills the key all the same, and is red", async (t) => {
    const scenario = await scenarioFor(t, { instances: 2, config: quickGiveUp });
    const before = await signingKid(scenario);
    await scenario.rotateTo(1, "INC-1", { probe: { path: "/api/admin", rejectedStatuses: [401, 403] } });
    const { output } = failed(await scenario.stack.up());
    assert.match(output, /VERIFICATION_FAILED[\s\S]*api-1 .*did not accept the canary token of kid/);
    assert.ok(!(await scenario.admin.publishedKids(scenario.realm)).includes(before));
    assert.equal((await evidenceOf(scenario, "INC-1", 1)).outcome, "failed");
  });

  test("if no instance accepts the probe's token, a planned rotation changes nothing", async (t) => {
    const scenario = await scenarioFor(t, { instances: 2, config: quickGiveUp });
    const before = await scenario.admin.keyComponents(scenario.realm);
    await scenario.rotateTo(1, "INC-1", {
      mode: "planned",
      probe: { path: "/api/admin", rejectedStatuses: [401, 403] },
    });
    const { output } = failed(await scenario.stack.up());
    assert.match(output, /BASELINE_REJECTED[\s\S]*probe\.realmRoles/);
    assert.deepEqual(await scenario.admin.keyComponents(scenario.realm), before);
    assert.equal((await evidenceOf(scenario, "INC-1", 1)).failedPhase, "canary");
  });
});
