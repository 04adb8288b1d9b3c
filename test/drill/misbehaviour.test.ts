import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { adoptedScenario, evidenceOf, failed, rotate, signingKid, succeeded } from "./world.ts";

const quick = { refresh: { attempts: 2, timeoutSeconds: 1 }, probe: { attempts: 2, timeoutSeconds: 2 } };

const misbehaviours = [
  { kind: "keep-cache", reason: /still accepts kid/, refresh: "claimed" },
  { kind: "lie-kids", reason: /still accepts kid/, refresh: "claimed" },
  { kind: "hang", reason: /still accepts kid/, refresh: "failed" },
  { kind: "error-500", reason: /still accepts kid/, refresh: "failed" },
  { kind: "redirect", reason: /still accepts kid/, refresh: "failed" },
  { kind: "refuse", reason: /does not answer: connection/, refresh: "failed" },
] as const;

suite("misbehaving instances", () => {
  test("one of each: the up fails and names each with its reason; repaired, the same up goes green", async (t) => {
    const scenario = await adoptedScenario(t, { instances: misbehaviours.length + 2, config: quick });
    const { instances } = scenario.fleet;
    for (const [index, { kind }] of misbehaviours.entries()) await instances[index]?.misbehave(kind);

    const { output } = failed(await rotate(scenario, 2, "INC-2"));

    assert.match(output, /VERIFICATION_FAILED/);
    const red = await evidenceOf(scenario, "INC-2", 2);
    assert.deepEqual([red.outcome, red.failedPhase, red.exposureWindow], ["failed", "enforce", undefined]);
    for (const [index, { kind, reason, refresh }] of misbehaviours.entries()) {
      const found = red.verification?.instances[index];
      assert.equal(found?.proof, "unproven", kind);
      assert.match(found?.reasons.join("; ") ?? "", reason, kind);
      assert.ok(output.includes(`- ${found?.instance} `), `${kind}: ${found?.instance} is not named`);
      assert.equal(red.refresh[index]?.outcome, refresh, kind);
    }
    assert.deepEqual(
      red.verification?.instances.slice(-2).map(({ verified }) => verified),
      [true, true],
    );
    assert.deepEqual(await instances[4]?.redirectsFollowed(), []);
    const kid = await signingKid(scenario);

    for (const instance of instances) await instance.misbehave("none");
    succeeded(await scenario.stack.up());

    const green = await evidenceOf(scenario, "INC-2", 2);
    assert.equal(green.outcome, "verified");
    assert.deepEqual(
      green.attempts.map(({ verified }) => verified),
      [false, true],
    );
    assert.equal(await signingKid(scenario), kid);
    assert.equal(
      JSON.parse(await scenario.evidence("INC-2", 2, "earlier/1/evidence.json")).outcome,
      "failed",
    );
  });

  test("a red verification stays red in the state, and a refresh of the stack does not launder it", async (t) => {
    const scenario = await adoptedScenario(t, { instances: 2, config: quick });
    const [first] = scenario.fleet.instances;
    await first?.misbehave("keep-cache");
    failed(await rotate(scenario, 2, "INC-2"));
    succeeded(await scenario.stack.refresh());
    failed(await scenario.stack.up());
    const state = await scenario.stack.export();
    const verification = state.deployment.resources?.find(({ type }) => type.endsWith("jwks:Verification"));
    assert.equal(verification?.outputs?.verified, false);
  });

  test("instances that take forged tokens, each in its way, are found, and no other is named", async (t) => {
    const kinds = ["accept-all", "accept-none-alg", "accept-hs256-confusion"] as const;
    const config = { probe: { clockSkewSeconds: 0 } };
    const scenario = await adoptedScenario(t, { instances: kinds.length + 1, config });
    for (const [index, kind] of kinds.entries()) await scenario.fleet.instances[index]?.misbehave(kind);
    const { output } = failed(await rotate(scenario, 2, "INC-2"));
    for (const index of kinds.keys()) assert.match(output, new RegExp(`- api-${index + 1} .*accepts`));
    assert.doesNotMatch(output, /- api-4 /);
  });

  test("an instance that is down throughout is unproven, and the message says that only a new rotation can prove it", async (t) => {
    const scenario = await adoptedScenario(t, { instances: 2, config: quick });
    const [first] = scenario.fleet.instances;
    await first?.stop();
    const down = failed(await rotate(scenario, 2, "INC-2"));
    assert.match(down.output, /api-1 does not answer: connection refused/);
    await first?.start();
    const back = failed(await scenario.stack.up());
    assert.match(
      back.output,
      /api-1 did not accept the canary token of kid \S+ before the cut-over[\s\S]*bump rotation/,
    );
    succeeded(await rotate(scenario, 3, "INC-3"));
  });

  test("where no instance accepts the probe's token, nothing is rotated", async (t) => {
    const scenario = await adoptedScenario(t, { instances: 2, config: quick });
    const before = await scenario.admin.keyComponents(scenario.realm);
    await scenario.rotateTo(2, "INC-2", { probe: { path: "/api/admin", rejectedStatuses: [401, 403] } });
    const { output } = failed(await scenario.stack.up());
    assert.match(output, /BASELINE_REJECTED[\s\S]*probe\.realmRoles/);
    assert.deepEqual(await scenario.admin.keyComponents(scenario.realm), before);
    assert.equal((await evidenceOf(scenario, "INC-2", 2)).failedPhase, "canary");
  });
});
