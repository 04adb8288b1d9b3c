import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { z } from "zod";
import { evidenceOfRealm, needed, twoRealms } from "./two-realms.ts";
import { failed, kidOf, outputsShape, rotate, statusOf, succeeded } from "./world.ts";

suite("two realms in one stack", () => {
  test("where one lacks a Keycloak role the other is rotated and proven; with the role, the same up does the rest", async (t) => {
    const { scenario, other, grant } = await twoRealms(t);
    const { admin, realm } = scenario;
    await grant(realm, needed);
    await grant(
      other.realm,
      needed.filter((one) => one !== "manage-realm"),
    );
    const untouched = await admin.keys(other.realm);
    const clients = await Promise.all(
      [realm, other.realm].map((name) => admin.createClient(name, "frontend")),
    );
    const [stolen = "", spared = ""] = await Promise.all(
      [realm, other.realm].map((name, index) => admin.mint(name, clients[index] ?? assert.fail())),
    );

    const { output } = failed(await rotate(scenario, 1, "INC-1"));
    assert.match(output, new RegExp(`realm ${other.realm} can't be rotated.*manage-realm`, "s"));
    assert.match(output, /REALM_REFUSED/);
    const green = await evidenceOfRealm(scenario, "INC-1", 1, realm);
    const red = await evidenceOfRealm(scenario, "INC-1", 1, other.realm);
    assert.deepEqual([green.outcome, red.outcome, red.failedPhase], ["verified", "failed", "check"]);
    assert.deepEqual(
      green.retired.map(({ kid }) => kid),
      [kidOf(stolen)],
    );
    assert.deepEqual(await admin.keys(other.realm), untouched);
    for (const instance of scenario.fleet.instances)
      assert.equal(await statusOf(`${instance.url}/api/me`, stolen), 401);
    for (const instance of other.fleet.instances)
      assert.equal(await statusOf(`${instance.url}/api/me`, spared), 200);

    await grant(other.realm, ["manage-realm"]);
    succeeded(await scenario.stack.up());
    const { verified } = z
      .looseObject({ verified: z.record(z.string(), z.boolean()) })
      .parse(await scenario.stack.outputs());
    assert.deepEqual(verified, { [realm]: true, [other.realm]: true });
    for (const instance of other.fleet.instances)
      assert.equal(await statusOf(`${instance.url}/api/me`, spared), 401);
    assert.deepEqual((await evidenceOfRealm(scenario, "INC-1", 1, realm)).writtenAt, green.writtenAt);
  });

  test("a red verification of the first does not keep the second's key alive, and each has its evidence", async (t) => {
    const { scenario, other, grant } = await twoRealms(t);
    const { realm, fleet, stack } = scenario;
    for (const name of [realm, other.realm]) await grant(name, needed);
    succeeded(await rotate(scenario, 1, "INC-1"));
    await stack.setConfig({ freeze: "api" });
    await fleet.instances[0]?.misbehave("keep-cache");
    const { output } = failed(await rotate(scenario, 2, "INC-2"));
    assert.match(output, /VERIFICATION_FAILED.*api-1 still accepts kid/s);
    const outcomes = await Promise.all(
      [realm, other.realm].map(async (name) => (await evidenceOfRealm(scenario, "INC-2", 2, name)).outcome),
    );
    assert.deepEqual(outcomes, ["failed", "verified"]);
    const thaws = (await Promise.all(other.fleet.instances.map((one) => one.accessLog())))
      .flat()
      .filter(({ method, path }) => method === "DELETE" && path === "/internal/admin/freeze");
    assert.equal(thaws.length, 2, "the second is green, and must not stay frozen because of the first");
    await fleet.instances[0]?.misbehave("none");
    succeeded(await stack.up());

    // Back to one realm: what is known of it goes with it, and the other's is let go.
    await stack.setConfig({ realm });
    succeeded(await stack.up());
    const { verified } = outputsShape.parse(await stack.outputs());
    assert.equal(verified, true);
    assert.equal((await evidenceOfRealm(scenario, "INC-2", 2, realm)).outcome, "verified");
    succeeded(await stack.preview(["--expect-no-changes"]));
  });
});
