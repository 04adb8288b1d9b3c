import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  adoptedScenario,
  evidenceOf,
  failed,
  managedKeys,
  outputsShape,
  requestCount,
  rotate,
  scenarioFor,
  signingKid,
  succeeded,
} from "./world.ts";

suite("an emergency rotation against a real Keycloak", () => {
  test("the first up adopts a realm whose id is not its name, and retires its unmanaged default key", async (t) => {
    const scenario = await scenarioFor(t);
    const unmanaged = await signingKid(scenario);
    succeeded(await rotate(scenario, 1, "INC-1"));
    const { retired } = await evidenceOf(scenario, "INC-1", 1);
    assert.deepEqual(
      retired.map(({ kid, componentName }) => [kid, componentName]),
      [[unmanaged, "rsa-generated"]],
    );
    assert.deepEqual(await scenario.admin.publishedKids(scenario.realm), [await signingKid(scenario)]);
  });

  test("keys of every algorithm are created, fallback and forgotten keys are disabled, exempt keys stay", async (t) => {
    const scenario = await scenarioFor(t, {
      config: { algorithms: ["RS256", "ES256", "EdDSA", "PS256"], exemptKeys: ["partner"] },
    });
    const { admin, realm } = scenario;
    await admin.createKey(realm, "partner", "rsa-generated", { priority: "10", algorithm: "RS256" });
    await admin.createKey(realm, "forgotten", "rsa-generated", { priority: "50", algorithm: "RS256" });
    await admin.createKey(realm, "passive", "rsa-generated", {
      priority: "40",
      algorithm: "RS256",
      active: "false",
    });
    const asking = await admin.createClient(realm, "asks-ps256", undefined, {
      "access.token.signed.response.alg": "PS256",
    });
    await admin.mint(realm, asking);
    const before = (await admin.keyComponents(realm)).map(({ name }) => name);
    assert.ok(before.includes("fallback-PS256"), before.join());

    succeeded(await rotate(scenario, 1, "INC-1"));

    const enabled = (await admin.keyComponents(realm))
      .filter(({ name, config }) => config.enabled?.[0] !== "false" && !/-enc-|hmac|aes/.test(name))
      .map(({ name }) => name);
    assert.deepEqual(enabled.toSorted(), [
      "jwks-break-glass-r1-ES256",
      "jwks-break-glass-r1-EdDSA",
      "jwks-break-glass-r1-PS256",
      "jwks-break-glass-r1-RS256",
      "partner",
    ]);
    const { keysAfter, retired } = await evidenceOf(scenario, "INC-1", 1);
    assert.equal(retired.length, 4);
    const managed = keysAfter.filter(({ componentName }) => componentName.startsWith("jwks-break-glass"));
    const others = keysAfter.filter(({ componentName }) => !componentName.startsWith("jwks-break-glass"));
    assert.ok(
      managed.every(({ signing, priority }) => signing && others.every((other) => other.priority < priority)),
    );
  });

  test("a second up without a change changes nothing and calls no instance", async (t) => {
    const scenario = await adoptedScenario(t);
    const [calls, state] = [await requestCount(scenario), await scenario.stack.export()];
    succeeded(await scenario.stack.up());
    assert.equal(await requestCount(scenario), calls);
    succeeded(await scenario.stack.preview(["--expect-no-changes"]));
    const resources = (from: typeof state) =>
      Object.fromEntries(
        (from.deployment.resources ?? []).map(({ urn, id, inputs }) => [urn, { id, inputs }]),
      );
    assert.deepEqual(
      Object.keys(resources(await scenario.stack.export())).toSorted(),
      Object.keys(resources(state)).toSorted(),
    );
  });

  test("a preview of a rotation touches neither Keycloak nor an instance", async (t) => {
    const scenario = await adoptedScenario(t);
    const [calls, keys] = [await requestCount(scenario), await scenario.admin.keyComponents(scenario.realm)];
    await scenario.rotateTo(2, "INC-2");
    const { output } = succeeded(await scenario.stack.preview(["--diff"]));
    assert.match(output, /rotation *: 1 => 2/);
    assert.equal(await requestCount(scenario), calls);
    assert.deepEqual(await scenario.admin.keyComponents(scenario.realm), keys);
  });

  test("destroy only forgets: the realm keeps signing, and the same rotation can be applied again", async (t) => {
    const scenario = await adoptedScenario(t);
    const kid = await signingKid(scenario);
    succeeded(await scenario.stack.destroy());
    assert.equal(await signingKid(scenario), kid);
    succeeded(await scenario.stack.up());
    assert.equal(await signingKid(scenario), kid);
    assert.deepEqual((await managedKeys(scenario)).all, ["jwks-break-glass-r1-RS256"]);
  });

  test("a key that someone adds later is named in the preview, and the next up disables it", async (t) => {
    const scenario = await adoptedScenario(t);
    const { admin, realm } = scenario;
    const rogue = await admin.createKey(realm, "rogue", "rsa-generated", {
      priority: "9000",
      algorithm: "RS256",
    });
    assert.match(
      succeeded(await scenario.stack.preview()).output,
      /disable kid \S+ \(RS256, rogue\) at once/,
    );
    const { output } = failed(await scenario.stack.up());
    assert.match(output, /VERIFICATION_FAILED[\s\S]*no canary[\s\S]*acknowledge/);
    const component = (await admin.keyComponents(realm)).find(({ id }) => id === rogue);
    assert.deepEqual(component?.config.enabled, ["false"]);
    // No bump makes it proven: it stays open until somebody answers for it by name.
    const { keys } = await admin.keys(realm);
    const { kid = "" } = keys.find(({ providerId }) => providerId === rogue) ?? {};
    assert.match(
      failed(await rotate(scenario, 2, "INC-2")).output,
      new RegExp(`about kid ${kid}, for which there are no canary`),
    );
    const closed = { kid, reason: "nobody has seen a token of it" };
    await scenario.stack.setConfig({ acknowledge: [closed] });
    assert.match(succeeded(await scenario.stack.preview()).output, new RegExp(`acknowledge: kid ${kid}`));
    succeeded(await scenario.stack.up());
    const { verification, notProven } = await evidenceOf(scenario, "INC-2", 2);
    assert.equal(verification?.acknowledged?.[0]?.reason, closed.reason);
    assert.deepEqual([...new Set(verification?.instances.map(({ proof }) => proof))], ["acknowledged"]);
    assert.ok(notProven.some((line) => line.includes(`kid ${kid} is refused: closed by acknowledgement`)));
    const outputs = outputsShape.parse(await scenario.stack.outputs());
    assert.deepEqual([outputs.verified, Object.values(outputs.kids)], [true, [await signingKid(scenario)]]);
  });
});
