import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { movedClockEnv } from "../../scripts/lab/moved-clock.ts";
import { noCluster } from "../lab/kubernetes/cluster.ts";
import { evidenceOf, kubernetesScenarioFor, rotate, succeeded } from "./world.ts";

const skip = await noCluster();

/** Later than the overlap of a realm with Keycloak's defaults. */
const afterOverlap = { env: movedClockEnv(7 * 60_000) };

suite("the rest of the runbook over pods", { skip }, () => {
  test("pods that started in the overlap get the kept canaries before the retirement, and so are proven by replay", async (t) => {
    const scenario = await kubernetesScenarioFor(t, { config: { mode: "planned", rotation: 1 } });
    const { fleet, stack } = scenario;
    succeeded(await stack.up());
    const { announced, stage } = await evidenceOf(scenario, "planned", 1);
    assert.deepEqual([announced?.known.length, announced?.unproven, stage], [3, [], "overlap"]);
    await fleet.deletePods(2);
    await fleet.scale(4);
    await fleet.rolledOut();
    succeeded(await stack.up([], afterOverlap));
    const { verification, stage: last } = await evidenceOf(scenario, "planned", 1);
    assert.equal(last, "final");
    const proven = verification?.instances.map(({ instance, proof }) => [instance, proof]).toSorted();
    const alive = (await fleet.list()).map(({ name }) => [name, "replayed"]).toSorted();
    assert.deepEqual(proven, alive);
  });

  test("pods that a restart created are frozen and get the deny-list too, and are thawed in the end", async (t) => {
    const scenario = await kubernetesScenarioFor(t);
    const { admin, realm, fleet, stack } = scenario;
    succeeded(await rotate(scenario, 1, "INC-1"));
    const client = await admin.createClient(realm, "frontend");
    await admin.createUser(realm, "mallory", { password: "mallory-password", realmRoles: ["admin"] });
    const { sid } = await admin.login(realm, client, "mallory", "mallory-password");
    const before = (await fleet.list()).map(({ name }) => name);
    await stack.setConfig({
      freeze: "api",
      sessions: { revoke: { users: ["mallory"] } },
      restart: { strategy: "restart" },
    });
    succeeded(await rotate(scenario, 2, "INC-2"));
    const { verification } = await evidenceOf(scenario, "INC-2", 2);
    assert.ok(verification?.denyList?.length === 3 && verification.denyList.every(({ ok }) => ok));
    for (const pod of await fleet.list()) {
      assert.ok(!before.includes(pod.name), `${pod.name} was not restarted`);
      const calls = (await pod.accessLog()).map(({ method, path, status }) => `${method} ${path} ${status}`);
      for (const call of [
        "PUT /internal/admin/freeze 204",
        `PUT /internal/auth/deny-list/${sid} 204`,
        "DELETE /internal/admin/freeze 204",
      ]) {
        assert.ok(calls.includes(call), `${pod.name} was not asked to ${call}`);
      }
    }
  });
});
