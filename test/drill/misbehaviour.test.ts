import assert from "node:assert/strict";
import { test } from "node:test";
import { adoptedScenario, evidenceOf, failed, quickGiveUp, rotate, signingKid, succeeded } from "./world.ts";

const misbehaviours = [
  { kind: "keep-cache", reason: /still accepts kid/, refresh: "claimed" },
  { kind: "lie-kids", reason: /still accepts kid/, refresh: "claimed" },
  { kind: "hang", reason: /still accepts kid/, refresh: "failed" },
  { kind: "error-500", reason: /still accepts kid/, refresh: "failed" },
  { kind: "redirect", reason: /still accepts kid/, refresh: "failed" },
  { kind: "refuse", reason: /does not answer: connection/, refresh: "failed" },
] as const;

test("a red run: the up names each misbehaving instance with its reason; once they are repaired, the same up is green", async (t) => {
  const scenario = await adoptedScenario(t, { instances: misbehaviours.length + 2, config: quickGiveUp });
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
  assert.equal(JSON.parse(await scenario.evidence("INC-2", 2, "earlier/1/evidence.json")).outcome, "failed");
});
