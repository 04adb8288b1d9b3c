import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import type { Login } from "../../scripts/lab/keycloak-realms.ts";
import type { Scenario } from "../../scripts/lab/scenario.ts";
import { evidenceOf, failed, rotate, scenarioFor, signingKid, statusesOf, succeeded } from "./world.ts";

type Client = { clientId: string; clientSecret: string };

interface People {
  scenario: Scenario;
  client: Client;
  login: (username: string, scope?: string) => Promise<Login>;
}

/** A realm before its first rotation, with three administrators: mallory, carol by a group, and dave by a role that contains admin. */
async function people(t: TestContext): Promise<People> {
  const scenario = await scenarioFor(t);
  const { admin, realm } = scenario;
  const client = await admin.createClient(realm, "frontend");
  await admin.createRealmRole(realm, "owner");
  await admin.send("POST", `/${realm}/roles/owner/composites`, [await admin.get(`/${realm}/roles/admin`)]);
  await admin.send("POST", `/${realm}/groups`, { name: "staff", realmRoles: ["admin"] });
  const roles: Record<string, string[]> = { mallory: ["admin"], carol: [], dave: ["owner"], bob: [] };
  for (const [name, realmRoles] of Object.entries(roles)) {
    const id = await admin.createUser(realm, name, { password: `${name}-password`, realmRoles });
    if (name !== "carol") continue;
    const [group] = (await admin.get(`/${realm}/groups?search=staff`)) as { id: string }[];
    const staffRoles = [await admin.get(`/${realm}/roles/admin`)];
    await admin.send("POST", `/${realm}/groups/${group?.id}/role-mappings/realm`, staffRoles);
    await admin.send("PUT", `/${realm}/users/${id}/groups/${group?.id}`);
  }
  const login = (username: string, scope?: string) =>
    admin.login(realm, client, username, `${username}-password`, scope);
  return { scenario, client, login };
}

/** Whether Keycloak still refreshes the session, and the status that each instance answers to its administrator. */
async function lifeOf({ scenario, client }: People, session: Login): Promise<string> {
  const { admin, realm, fleet } = scenario;
  const { status } = await admin.refresh(realm, client, session.refresh_token);
  const statuses = await Promise.all(
    fleet.instances.map((instance) => instance.statusOf("/api/admin", session.access_token)),
  );
  return `${status === 200 ? "lives" : "dead"}, ${statuses.join(" ")}`;
}

suite("sessions in an emergency", () => {
  test("a listed session is refused by Keycloak and every instance, an unlisted one still works; by role, by id, and all", async (t) => {
    const world = await people(t);
    const { scenario, login } = world;
    const { stack } = scenario;
    succeeded(await rotate(scenario, 1, "INC-1"));
    const [mallory, carol, dave, bob] = await Promise.all(
      ["mallory", "carol", "dave", "bob"].map((one) => login(one)),
    );
    assert.ok(mallory && carol && dave && bob);
    const revoke = (what: unknown) => stack.setConfig({ sessions: { revoke: what } });
    assert.equal(await lifeOf(world, mallory), "lives, 200 200 200");

    await revoke({ users: ["mallory"] });
    succeeded(await stack.up());
    assert.equal(await lifeOf(world, mallory), "dead, 403 403 403");
    assert.equal(await lifeOf(world, carol), "lives, 200 200 200");
    const { sessions, verification } = await evidenceOf(scenario, "INC-1", 1);
    assert.deepEqual(
      sessions?.ended.map(({ sid, user, because }) => [sid, user, because]),
      [[mallory.sid, "mallory", "user"]],
    );
    assert.deepEqual(
      verification?.denyList?.map(({ instance, ok }) => [instance, ok]),
      scenario.fleet.instances.map(({ name }) => [name, true]),
    );
    succeeded(await stack.preview(["--expect-no-changes"]));

    await revoke({ realmRoles: ["admin"] });
    succeeded(await stack.up());
    assert.equal(await lifeOf(world, carol), "dead, 403 403 403");
    assert.equal(await lifeOf(world, dave), "dead, 403 403 403");
    assert.match(await lifeOf(world, bob), /^lives/);

    await revoke({ sids: [bob.sid] });
    succeeded(await stack.up());
    assert.match(await lifeOf(world, bob), /^dead/);

    const late = await login("carol");
    await revoke("all");
    succeeded(await stack.up());
    assert.equal(await lifeOf(world, late), "dead, 403 403 403");
  });

  test("an instance whose deny-list does not work makes the run red and is named", async (t) => {
    const { scenario } = await people(t);
    await scenario.fleet.instances[1]?.misbehave("ignore-deny-list");
    await scenario.stack.setConfig({ sessions: { revoke: { users: ["mallory"] } } });
    const { output } = failed(await rotate(scenario, 1, "INC-1"));
    assert.match(output, /api-2 still accepts an administrator whose session is on its deny-list/);
    assert.doesNotMatch(output, /api-[13] still accepts/);
    await scenario.fleet.instances[1]?.misbehave("none");
    succeeded(await scenario.stack.up());
  });

  test("an unknown user costs the end of the sessions, not the kill: the run is red and names the user", async (t) => {
    const { scenario } = await people(t);
    const before = await signingKid(scenario);
    await scenario.stack.setConfig({ sessions: { revoke: { users: ["nobody-here", "bob"] } } });
    await scenario.rotateTo(1, "INC-1");
    const unknown = /USER_NOT_FOUND: realm \S+ has no user nobody-here/;
    assert.match((await scenario.stack.preview()).output, unknown);
    const { output } = failed(await scenario.stack.up());
    assert.match(output, /VERIFICATION_FAILED/);
    assert.match(output, unknown);
    assert.ok(!(await scenario.admin.publishedKids(scenario.realm)).includes(before));
  });
});

suite("a refresh token that was stolen before an emergency", () => {
  const closing = {
    "sessions.revoke: all": { sessions: { revoke: "all" }, internalKeys: [] },
    "internalKeys: [hmac]": { sessions: { revoke: "none" }, internalKeys: ["hmac"] },
  };

  test("survives it, as the preview warned, and either of two options then ends it", async (t) => {
    const { scenario, client, login } = await people(t);
    const { admin, realm, stack } = scenario;
    const stolen = [await login("bob"), await login("bob", "openid offline_access")];
    await scenario.rotateTo(1, "INC-1");
    assert.match(succeeded(await stack.preview()).output, /stolen refresh tokens survive this rotation/);
    succeeded(await stack.up());
    for (const { refresh_token } of stolen) {
      const { status, body } = await admin.refresh(realm, client, refresh_token);
      assert.equal(status, 200);
      assert.deepEqual(await statusesOf(scenario, body.access_token ?? ""), [200, 200, 200, 200]);
    }
    let rotation = 1;
    for (const [option, config] of Object.entries(closing)) {
      rotation += 1;
      const fresh = [await login("bob"), await login("bob", "openid offline_access")];
      await scenario.rotateTo(rotation, `INC-${rotation}`, config);
      const preview = succeeded(await stack.preview());
      assert.doesNotMatch(preview.output, /stolen refresh tokens survive/, option);
      assert.match(preview.output, /everyone logs in again/, option);
      succeeded(await stack.up());
      for (const { refresh_token } of [...stolen, ...fresh]) {
        assert.equal((await admin.refresh(realm, client, refresh_token)).status, 400, option);
      }
      const { notProven } = await evidenceOf(scenario, `INC-${rotation}`, rotation);
      assert.doesNotMatch(notProven.join("\n"), /HS512/, option);
    }
    assert.equal((await login("bob")).sid.length > 0, true);
  });
});
