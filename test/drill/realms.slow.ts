import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { z } from "zod";
import { type Evidence, evidenceSchema } from "#operations/evidence/evidence-schema";
import { type Fleet, startFleet } from "../../scripts/lab/fleet.ts";
import type { Scenario } from "../../scripts/lab/scenario.ts";
import { strictCache } from "../../scripts/lab/scenario-boot.ts";
import { failed, kidOf, outputsShape, rotate, scenarioFor, statusOf, succeeded } from "./world.ts";

const identified = z.array(z.looseObject({ id: z.string() }));
const role = z.looseObject({ id: z.string(), name: z.string() });

/** What the README asks for. */
const needed = ["manage-realm", "view-realm", "view-clients", "manage-clients"];

interface TwoRealms {
  scenario: Scenario;
  other: { realm: string; fleet: Fleet };
  /** Gives the stack's admin client roles on a realm. */
  grant(realm: string, roles: readonly string[]): Promise<void>;
}

/** Two realms, each with API processes of its own, and an admin client that has no role yet. */
async function twoRealms(t: TestContext): Promise<TwoRealms> {
  const scenario = await scenarioFor(t, { instances: 2 });
  const { admin, realm, apiRefreshToken } = scenario;
  const other = await admin.createRealm(`bank-${randomUUID().slice(0, 8)}`);
  t.after(() => admin.deleteRealm(other.name));
  const fleet = await startFleet({ count: 2, issuer: other.issuer, apiRefreshToken, env: strictCache });
  t.after(() => fleet.stop());
  const client = await admin.createClient("master", `rotator-${randomUUID().slice(0, 8)}`);
  const [made] = identified.parse(await admin.get(`/master/clients?clientId=${client.clientId}`));
  t.after(() => admin.send("DELETE", `/master/clients/${made?.id}`));
  const account = role
    .omit({ name: true })
    .parse(await admin.get(`/master/clients/${made?.id}/service-account-user`));
  const instancesOf = ({ instances }: Fleet) => instances.map(({ name, url }) => ({ name, url }));
  await scenario.stack.setConfig(
    {
      "keycloak:clientId": client.clientId,
      realm: [realm, { name: other.name, targets: instancesOf(fleet) }],
    },
    { "keycloak:clientSecret": client.clientSecret },
  );
  const grant = async (name: string, roles: readonly string[]) => {
    const [owner] = identified.parse(await admin.get(`/master/clients?clientId=${name}-realm`));
    const granted = await Promise.all(
      roles.map(async (one) => role.parse(await admin.get(`/master/clients/${owner?.id}/roles/${one}`))),
    );
    await admin.send("POST", `/master/users/${account.id}/role-mappings/clients/${owner?.id}`, granted);
  };
  return { scenario, other: { realm: other.name, fleet }, grant };
}

async function evidenceOfRealm(
  scenario: Scenario,
  incident: string,
  rotation: number,
  realm: string,
): Promise<Evidence> {
  const path = join(scenario.evidenceDir, incident, String(rotation), realm, "evidence.json");
  return evidenceSchema.parse(JSON.parse(await readFile(path, "utf8")));
}

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
