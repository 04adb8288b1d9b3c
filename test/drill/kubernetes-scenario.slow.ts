import assert from "node:assert/strict";
import { after, before, suite, type TestContext, test } from "node:test";
import { CoreV1Api } from "@kubernetes/client-node";
import { type LabKubernetes, startKubernetes } from "../../scripts/lab/kubernetes/kubernetes.ts";
import { PodFleet } from "../../scripts/lab/kubernetes/pod-fleet.ts";
import { shopApi } from "../../scripts/lab/kubernetes/scenario-pods.ts";
import { startFaults } from "../../scripts/lab/kubernetes/start-faults.ts";
import type { KubernetesScenario, KubernetesScenarioOptions } from "../../scripts/lab/kubernetes-scenario.ts";
import { clientConfig, noCluster, until } from "../lab/kubernetes/cluster.ts";
import { isAlive } from "../lab/sample-api/process-state.ts";
import { kubernetesScenarioFor } from "./world.ts";

suite("a scenario over pods", { skip: await noCluster() }, () => {
  let kubernetes: LabKubernetes;
  let core: CoreV1Api;

  before(async () => {
    kubernetes = await startKubernetes({ onProgress: console.error });
    core = clientConfig(kubernetes.kubeconfigPath).makeApiClient(CoreV1Api);
  });
  after(async () => kubernetes?.stop());

  const open = (t: TestContext, options: KubernetesScenarioOptions = {}) =>
    kubernetesScenarioFor(t, { kubernetes, ...options });

  async function tokenOf({ admin, realm }: KubernetesScenario): Promise<string> {
    return admin.mint(realm, await admin.createClient(realm, "frontend"));
  }

  function namesIn({ fleet }: KubernetesScenario): string[] {
    return fleet.instances.map(({ name }) => name).toSorted();
  }

  test("its fleet follows pods that are added and deleted", async (t) => {
    const scenario = await open(t, { pods: 2 });
    const { fleet } = scenario;
    const before = namesIn(scenario);
    assert.equal(before.length, 2);
    await fleet.scale(4);
    await until(() => fleet.instances.length === 4);
    const gone = (await fleet.deletePods(2)).map(({ name }) => name);
    await fleet.rolledOut();
    await until(() => fleet.instances.length === 4);
    assert.deepEqual(
      namesIn(scenario).filter((name) => gone.includes(name)),
      [],
    );
    const uids = (await fleet.list()).map(({ uid }) => uid);
    assert.deepEqual(uids.toSorted(), fleet.instances.map(({ uid }) => uid).toSorted());
  });

  test("its fleet still follows them after a restart of the API server", async (t) => {
    const { fleet } = await open(t, { pods: 1 });
    await kubernetes.restartApiServer();
    await fleet.scale(2);
    await until(() => fleet.instances.length === 2);
  });

  test("a pod answers the same at its own address and by port-forward, and its access log has both", async (t) => {
    const scenario = await open(t, { pods: 2 });
    const { namespaces, fleet } = scenario;
    const token = await tokenOf(scenario);
    const { kubeconfigPath } = kubernetes;
    const far = new PodFleet({ kubeconfigPath, name: shopApi.deployment, namespaces });
    for (const [bearer, status] of [
      [token, 200],
      ["no token", 401],
    ] as const) {
      for (const pod of [...(await fleet.list()), ...(await far.list())]) {
        assert.equal(await pod.statusOf("/api/me", bearer), status);
      }
    }
    const [near] = await fleet.list();
    const log = await near?.accessLog();
    assert.deepEqual(
      log?.filter(({ path }) => path === "/api/me").map(({ status }) => status),
      [200, 200, 401, 401],
    );
    const [other] = await far.list();
    assert.match(other?.url ?? "", /^http:\/\/shop-api-[^.]+\.lab-\w+:8080$/);
    await assert.rejects(async () => other?.misbehave("hang"), /the lab does not run its process/);
    await fleet.deletePods(2);
    await until(async () => (await other?.statusOf("/api/me", token)) === undefined);
  });

  test("a pod misbehaves until its container ends; it can also be set to misbehave from its next start", async (t) => {
    const scenario = await open(t, { pods: 1 });
    const { fleet } = scenario;
    const token = await tokenOf(scenario);
    const status = async () => (await fleet.list())[0]?.statusOf("/api/me", token);
    await (await fleet.list())[0]?.misbehave("probe-500");
    assert.equal(await status(), 500);
    await fleet.deletePods(1);
    await fleet.rolledOut();
    assert.equal(await status(), 200);
    await fleet.atNextStart(startFaults.misbehave("probe-500"));
    assert.equal(await status(), 200);
    await fleet.deletePods(1);
    await fleet.rolledOut();
    assert.equal(await status(), 500);
  });

  test("a pod can be set to start without the line that proves its bootstrap", async (t) => {
    const { fleet } = await open(t, { pods: 1 });
    const logs = async () => (await (await fleet.list())[0]?.log())?.join("\n") ?? "";
    assert.match(await logs(), /JWKS bootstrap ok/);
    await fleet.atNextStart(startFaults.noBootstrapLine);
    await fleet.deletePods(1);
    await fleet.rolledOut();
    assert.match(await logs(), /listening/);
    assert.doesNotMatch(await logs(), /JWKS bootstrap/);
    await fleet.atNextStart({});
    await fleet.deletePods(1);
    await fleet.rolledOut();
    assert.match(await logs(), /JWKS bootstrap ok/);
  });

  test("a pod can be set to exit at its start", async (t) => {
    const { fleet, namespaces } = await open(t, { pods: 1 });
    await fleet.atNextStart(startFaults.crash);
    await fleet.deletePods(1);
    await until(async () => {
      const { items } = await core.listNamespacedPod({ namespace: namespaces[0] });
      const states = items.flatMap(({ status }) => status?.containerStatuses ?? []);
      return states.some(({ state }) => state?.waiting?.reason === "CrashLoopBackOff");
    });
  });

  test("when it ends, its namespaces and processes are gone and the shared cluster stays", async (t) => {
    const scenario = await open(t, { pods: 2, targets: 2 });
    const { namespaces, runner } = scenario;
    const pids = runner?.pods().map(({ pid }) => pid ?? 0) ?? [];
    assert.equal(pids.filter(isAlive).length, 4);
    await scenario.dispose();
    assert.deepEqual(pids.filter(isAlive), []);
    await until(async () => {
      const { items } = await core.listNamespace();
      return items.every(({ metadata }) => !namespaces.includes(metadata?.name ?? ""));
    });
  });
});
