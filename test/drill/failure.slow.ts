import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { suite, test } from "node:test";
import type { Scenario } from "../../scripts/lab/scenario.ts";
import { evidenceOf, failed, managedKeys, requestCount, rotate, scenarioFor, succeeded } from "./world.ts";

async function untouched(scenario: Scenario, work: () => Promise<void>): Promise<void> {
  const look = async () => ({
    keys: await scenario.admin.keyComponents(scenario.realm),
    clients: await scenario.admin.get(`/${scenario.realm}/clients`),
    requests: await requestCount(scenario),
  });
  const before = await look();
  await work();
  assert.deepEqual(await look(), before);
}

/** A service client of the master realm that may do only what is listed, on one realm. */
async function limitedAdmin(
  { admin, realm }: Scenario,
  roles: string[],
): Promise<{ id: string; secret: string }> {
  const id = `limited-${realm}`;
  const { clientSecret } = await admin.createClient("master", id);
  const found = async (path: string) => (await admin.get(path)) as { id: string; name: string }[];
  const [client] = await found(`/master/clients?clientId=${id}`);
  const [management] = await found(`/master/clients?clientId=${realm}-realm`);
  const account = (await admin.get(`/master/clients/${client?.id}/service-account-user`)) as { id: string };
  const all = await found(`/master/clients/${management?.id}/roles`);
  const granted = all.filter(({ name }) => roles.includes(name));
  await admin.send("POST", `/master/users/${account.id}/role-mappings/clients/${management?.id}`, granted);
  return { id, secret: clientSecret };
}

/** How many refresh requests the instances have been sent so far. */
async function refreshes({ fleet }: Scenario): Promise<number> {
  const logs = await Promise.all(fleet.instances.map((instance) => instance.accessLog()));
  return logs.flat().filter(({ path }) => path.includes("refresh")).length;
}

suite("bad config", () => {
  test("every problem is in one message, and nothing was touched", async (t) => {
    const scenario = await scenarioFor(t, { instances: 1 });
    await scenario.stack.setConfig({
      rotation: "1.5",
      incident: undefined,
      algorithms: ["RS256", "RS257"],
      targets: ["not a url", "ftp://api"],
      refresh: { attemps: 3 },
      probe: { rejectedStatuses: [500], watchSeconds: 0 },
      rotatoin: 2,
    });
    await untouched(scenario, async () => {
      const { output } = failed(await scenario.stack.up());
      assert.match(output, /SETTINGS_INVALID: 8 problems in the config of stack drill; nothing was touched/);
      for (const problem of [
        "rotation: is not a whole number of 1 or more",
        "incident: is missing",
        "algorithms[1]: is not one of RS256",
        "targets[0].url: is not an http(s) URL",
        "targets[1].url: is not an http(s) URL",
        "probe.rejectedStatuses[0]: is not 401 or 403",
        "refresh.attemps: no such key",
        "rotatoin: no such key",
      ]) {
        assert.ok(output.includes(`- ${problem}`), `${problem}\n${output}`);
      }
    });
  });

  test("the preview refuses it too", async (t) => {
    const scenario = await scenarioFor(t, { instances: 1 });
    await scenario.rotateTo(1, "INC-1", { rotation: undefined });
    const { output } = failed(await scenario.stack.preview());
    assert.match(output, /SETTINGS_INVALID: 1 problem[\s\S]*rotation: is missing/);
  });

  test("a rotation lower than the last is refused together with the other problems", async (t) => {
    const scenario = await scenarioFor(t, { instances: 1 });
    succeeded(await rotate(scenario, 3, "INC-3"));
    await scenario.rotateTo(2, "INC-2", { exemptKeys: "rsa-generated" });
    await untouched(scenario, async () => {
      const { output } = failed(await scenario.stack.up());
      assert.match(output, /rotation: 2 is lower than 3, which realm \S+ has already had/);
      assert.match(output, /exemptKeys: /);
    });
  });
});

suite("Keycloak in trouble", () => {
  test("down: KEYCLOAK_UNREACHABLE, also in the preview", async (t) => {
    const scenario = await scenarioFor(t, { instances: 1 });
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    await scenario.rotateTo(1, "INC-1", { "keycloak:url": `http://127.0.0.1:${port}` });
    for (const run of [() => scenario.stack.preview(), () => scenario.stack.up()]) {
      assert.match(
        failed(await run()).output,
        /KEYCLOAK_UNREACHABLE: .*connection refused.*check keycloak:url/,
      );
    }
  });

  test("the admin client lacks manage-realm: KEYCLOAK_ROLE_MISSING names the role, and the realm keeps its keys", async (t) => {
    const scenario = await scenarioFor(t, { instances: 1 });
    const { admin, realm } = scenario;
    const { id, secret } = await limitedAdmin(scenario, [
      "view-realm",
      "view-clients",
      "manage-clients",
      "view-users",
    ]);
    t.after(async () => {
      const [client] = (await admin.get(`/master/clients?clientId=${id}`)) as { id: string }[];
      await admin.send("DELETE", `/master/clients/${client?.id}`);
    });
    await scenario.stack.setConfig({ "keycloak:clientId": id }, { "keycloak:clientSecret": secret });
    await scenario.rotateTo(1, "INC-1");
    const preview = succeeded(await scenario.stack.preview());
    assert.match(
      preview.output,
      /warning: the update would be refused .*KEYCLOAK_ROLE_MISSING: .*manage-realm/,
    );
    const { output } = failed(await scenario.stack.up());
    assert.match(output, /KEYCLOAK_ROLE_MISSING: .*the role manage-realm/);
    assert.deepEqual((await managedKeys(scenario)).all, []);
    assert.equal((await admin.signingKeys(realm)).length, 1);
  });

  test("in an emergency, a JWKS URL that keeps serving the old set holds up no refresh, and makes the run red", async (t) => {
    const scenario = await scenarioFor(t, { instances: 1 });
    const stale = JSON.stringify({ keys: [{ kid: "old", kty: "RSA", use: "sig", alg: "RS256" }] });
    const server = createServer((_request, response) => response.end(stale)).listen(0, "127.0.0.1");
    t.after(() => server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    const cdn = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
    await scenario.rotateTo(1, "INC-1", {
      jwksUris: [scenario.admin.jwksUri(scenario.realm), cdn],
      jwksTimeoutSeconds: 2,
    });
    const sent = await refreshes(scenario);
    const { output } = failed(await scenario.stack.up());
    assert.match(output, /JWKS_NOT_CURRENT: .*lacks .*purge the cache/);
    assert.ok((await refreshes(scenario)) > sent);
    const evidence = await evidenceOf(scenario, "INC-1", 1);
    assert.deepEqual(
      [evidence.outcome, evidence.verification?.instances.map(({ proof }) => proof)],
      ["failed", ["replayed"]],
    );
    await scenario.stack.setConfig({ jwksUris: undefined });
    succeeded(await scenario.stack.up());
  });
});
