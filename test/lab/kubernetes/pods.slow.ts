import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { AppsV1Api, CoreV1Api, type KubeConfig, type V1Pod } from "@kubernetes/client-node";
import {
  applyRefreshToken,
  deploySampleApi,
  rolledOut,
} from "../../../scripts/lab/kubernetes/deploy-sample-api.ts";
import { type LabKubernetes, startKubernetes } from "../../../scripts/lab/kubernetes/kubernetes.ts";
import { type PodRunner, startPodRunner } from "../../../scripts/lab/kubernetes/pod-runner.ts";
import { sampleDeployment } from "../../../scripts/lab/kubernetes/sample-deployment.ts";
import { issuerKey, startIssuer, type TestIssuer } from "../sample-api/jwks-server.ts";
import { isAlive } from "../sample-api/process-state.ts";
import { askPod, clientConfig, noCluster, podLog, until } from "./cluster.ts";

const secretName = "internal-jwks";
const name = "api";

describe("pods of the sample API", { skip: await noCluster() }, () => {
  let kubernetes: LabKubernetes;
  let runner: PodRunner;
  let issuer: TestIssuer;
  let config: KubeConfig;
  let core: CoreV1Api;
  let apps: AppsV1Api;

  before(async () => {
    kubernetes = await startKubernetes({ onProgress: console.error });
    issuer = await startIssuer(await issuerKey("first"));
    config = clientConfig(kubernetes.kubeconfigPath);
    core = config.makeApiClient(CoreV1Api);
    apps = config.makeApiClient(AppsV1Api);
    runner = await startPodRunner(kubernetes, { crashBackOffMs: 300 });
  });
  after(async () => {
    await runner?.stop();
    await issuer?.stop();
    await kubernetes?.stop();
  });

  async function deploy(replicas: number): Promise<string> {
    const namespace = await kubernetes.createNamespace();
    const env = { ISSUER: issuer.url };
    await deploySampleApi(kubernetes, {
      name,
      namespace,
      replicas,
      secretName,
      apiRefreshToken: "first",
      env,
    });
    return namespace;
  }

  async function podsIn(namespace: string): Promise<V1Pod[]> {
    return (await core.listNamespacedPod({ namespace })).items;
  }

  const names = (pods: readonly V1Pod[]) => pods.map(({ metadata }) => metadata?.name ?? "");
  const runningIn = (namespace: string) => runner.pods().filter((pod) => pod.namespace === namespace);

  async function statusOfRefresh(namespace: string, pod: string, token: string): Promise<number> {
    const headers = { authorization: `Bearer ${token}` };
    const call = { method: "POST", path: "/internal/auth/jwks/refresh", headers };
    return (await askPod(config, { namespace, name: pod }, call)).status;
  }

  async function scale(namespace: string, replicas: number): Promise<void> {
    await apps.patchNamespacedDeploymentScale({
      name,
      namespace,
      body: [{ op: "replace", path: "/spec/replicas", value: replicas }],
    });
  }

  async function restart(namespace: string): Promise<void> {
    const annotations = { "kubectl.kubernetes.io/restartedAt": new Date().toISOString() };
    const path = "/spec/template/metadata/annotations";
    await apps.patchNamespacedDeployment({
      name,
      namespace,
      body: [{ op: "add", path, value: annotations }],
    });
    await rolledOut(kubernetes, { name, namespace });
  }

  test("port-forward to each pod reaches a process of its own, which logs its bootstrap", async () => {
    const namespace = await deploy(3);
    const pods = names(await podsIn(namespace));
    assert.equal(pods.length, 3);
    for (const pod of pods) {
      assert.equal((await askPod(config, { namespace, name: pod }, { path: "/healthz" })).status, 200);
      assert.equal(await statusOfRefresh(namespace, pod, "first"), 200);
      const log = await podLog(config, { namespace, name: pod });
      assert.match(log, new RegExp(`^\\S+ ${pod} JWKS bootstrap ok kids=\\["first"\\]$`, "m"));
      assert.match(log, new RegExp(`^\\S+ ${pod} JWKS refresh ok`, "m"));
    }
    assert.equal(new Set(runningIn(namespace).map(({ pid }) => pid)).size, 3);
  });

  test("a port that the pod does not declare leads nowhere", async () => {
    const namespace = await deploy(1);
    const [pod = ""] = names(await podsIn(namespace));
    await assert.rejects(askPod(config, { namespace, name: pod, port: 9 }, { path: "/" }), /port 9/);
  });

  test("a changed Secret reaches pods that start later, and no running pod", async () => {
    const namespace = await deploy(2);
    const old = names(await podsIn(namespace));
    await applyRefreshToken(kubernetes, { namespace, name: secretName, apiRefreshToken: "second" });
    for (const pod of old) {
      assert.equal(await statusOfRefresh(namespace, pod, "first"), 200);
      assert.equal(await statusOfRefresh(namespace, pod, "second"), 401);
    }
    const oldPids = runningIn(namespace).map(({ pid }) => pid ?? 0);
    await restart(namespace);
    const pods = names(await until(async () => (await podsIn(namespace)).length === 2 && podsIn(namespace)));
    assert.deepEqual(
      pods.filter((pod) => old.includes(pod)),
      [],
    );
    for (const pod of pods) {
      assert.equal(await statusOfRefresh(namespace, pod, "second"), 200);
      assert.equal(await statusOfRefresh(namespace, pod, "first"), 401);
    }
    assert.deepEqual(oldPids.filter(isAlive), []);
  });

  test("a deleted pod loses its process, and its Deployment creates another", async () => {
    const namespace = await deploy(3);
    const [victim] = runningIn(namespace);
    assert.ok(victim?.pid);
    const { pid } = victim;
    await core.deleteNamespacedPod({ name: victim.name, namespace });
    await until(() => !isAlive(pid));
    await until(async () => !names(await podsIn(namespace)).includes(victim.name));
    await rolledOut(kubernetes, { name, namespace });
    assert.equal(runningIn(namespace).filter((pod) => pod.pid !== undefined).length, 3);
  });

  test("scaling up starts processes, scaling down ends them", async () => {
    const namespace = await deploy(3);
    await scale(namespace, 5);
    await rolledOut(kubernetes, { name, namespace });
    const pids = runningIn(namespace).map(({ pid }) => pid ?? 0);
    assert.equal(pids.filter(isAlive).length, 5);
    await scale(namespace, 1);
    await until(() => pids.filter(isAlive).length === 1);
  });

  test("an image that can't be pulled blocks the rollout, and the running pods stay", async () => {
    const namespace = await deploy(2);
    const image = "jwks-break-glass/does-not-exist:1";
    const options = { name, namespace, replicas: 2, secretName, env: { ISSUER: issuer.url }, image };
    await assert.rejects(deploySampleApi(kubernetes, { ...options, timeoutMs: 2_000 }), /was not rolled out/);
    const waiting = await until(async () => {
      const states = (await podsIn(namespace)).flatMap(({ status }) => status?.containerStatuses ?? []);
      return states.find(({ state }) => state?.waiting?.reason === "ImagePullBackOff")?.state?.waiting;
    });
    assert.match(waiting.message ?? "", /does-not-exist/);
    assert.equal(runningIn(namespace).filter(({ pid }) => pid !== undefined).length, 2);
  });

  test("a container that exits is restarted, its restarts are counted and its last log is kept", async () => {
    const namespace = await deploy(1);
    const [pod] = runningIn(namespace);
    assert.ok(pod?.pid);
    process.kill(pod.pid, "SIGKILL");
    const restarted = await until(async () => {
      const [status] = (await podsIn(namespace))[0]?.status?.containerStatuses ?? [];
      return status?.restartCount === 1 && status.ready ? status : undefined;
    });
    assert.equal(restarted.lastState?.terminated?.exitCode, 137);
    assert.notEqual(runningIn(namespace)[0]?.pid, pod.pid);
    assert.match(
      await podLog(config, { namespace, name: pod.name }, { previous: true }),
      /JWKS bootstrap ok/,
    );
    assert.equal(await statusOfRefresh(namespace, pod.name, "first"), 200);
  });

  test("a container that exits at once is reported as in a crash loop", async () => {
    const namespace = await kubernetes.createNamespace();
    const deployment = sampleDeployment({ name, namespace, env: { ISSUER: "no URL" } });
    await apps.createNamespacedDeployment({ namespace, body: deployment });
    await until(async () => {
      const [status] = (await podsIn(namespace))[0]?.status?.containerStatuses ?? [];
      return status?.state?.waiting?.reason === "CrashLoopBackOff" && status.restartCount >= 1;
    });
    const [pod = ""] = names(await podsIn(namespace));
    assert.match(await podLog(config, { namespace, name: pod }), /environment is wrong/);
  });

  test("a pod without its Secret waits for it", async () => {
    const namespace = await kubernetes.createNamespace();
    const deployment = sampleDeployment({ name, namespace, secretName, env: { ISSUER: issuer.url } });
    await apps.createNamespacedDeployment({ namespace, body: deployment });
    await until(async () => {
      const [status] = (await podsIn(namespace))[0]?.status?.containerStatuses ?? [];
      return status?.state?.waiting?.reason === "CreateContainerConfigError";
    });
    await applyRefreshToken(kubernetes, { namespace, name: secretName, apiRefreshToken: "late" });
    await rolledOut(kubernetes, { name, namespace });
  });

  test("a pod is not ready before its API is, nor after the API stopped answering", async () => {
    let open = () => {};
    issuer.gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const namespace = await kubernetes.createNamespace();
    await applyRefreshToken(kubernetes, { namespace, name: secretName, apiRefreshToken: "first" });
    const deployment = sampleDeployment({ name, namespace, secretName, env: { ISSUER: issuer.url } });
    await apps.createNamespacedDeployment({ namespace, body: deployment });
    const isReady = async () => {
      const conditions = (await podsIn(namespace))[0]?.status?.conditions ?? [];
      return conditions.some(({ type, status }) => type === "Ready" && status === "True");
    };
    await until(() => runningIn(namespace)[0]?.pid);
    assert.equal(await isReady(), false);
    open();
    await rolledOut(kubernetes, { name, namespace });
    assert.equal(await isReady(), true);
    const [pod] = runningIn(namespace);
    assert.ok(pod?.url);
    await runner.misbehave(namespace, pod.name, "refuse");
    const headers = { authorization: "Bearer first" };
    const refresh = `${pod.url}/internal/auth/jwks/refresh`;
    await assert.rejects(fetch(refresh, { method: "POST", headers }));
    await until(async () => !(await isReady()));
  });

  test("StatefulSets and DaemonSets run too", async () => {
    const namespace = await kubernetes.createNamespace();
    const { spec } = sampleDeployment({ name, namespace, replicas: 2, env: { ISSUER: issuer.url } });
    assert.ok(spec);
    const { selector, template } = spec;
    const metadata = { name, namespace };
    await apps.createNamespacedStatefulSet({
      namespace,
      body: { metadata, spec: { serviceName: name, replicas: 2, selector, template } },
    });
    await until(async () => {
      const { status } = await apps.readNamespacedStatefulSet({ name, namespace });
      return status?.availableReplicas === 2;
    });
    const before = runningIn(namespace).find((pod) => pod.name === "api-0");
    await core.deleteNamespacedPod({ name: "api-0", namespace });
    await until(async () => {
      const { metadata, status } = await core.readNamespacedPod({ name: "api-0", namespace });
      const isReady = status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True");
      return isReady && metadata?.uid !== before?.uid;
    });
    assert.equal((await askPod(config, { namespace, name: "api-0" }, { path: "/healthz" })).status, 200);
    const labels = { matchLabels: { app: "everywhere" } };
    const daemon = { ...template, metadata: { labels: { ...template.metadata?.labels, app: "everywhere" } } };
    await apps.createNamespacedDaemonSet({
      namespace,
      body: { metadata: { name: "everywhere", namespace }, spec: { selector: labels, template: daemon } },
    });
    await until(async () => {
      const { status } = await apps.readNamespacedDaemonSet({ name: "everywhere", namespace });
      return status?.numberAvailable === 1;
    });
  });

  test("deleting a namespace ends its processes", async () => {
    const namespace = await deploy(2);
    const pids = runningIn(namespace).map(({ pid }) => pid ?? 0);
    await core.deleteNamespace({ name: namespace });
    await until(() => pids.filter(isAlive).length === 0);
    await until(async () => {
      const { items } = await core.listNamespace();
      return items.every(({ metadata }) => metadata?.name !== namespace);
    });
  });

  test("pods outlive a restart of the API server, and changes after it are served", async () => {
    const namespace = await deploy(2);
    const pids = runningIn(namespace).map(({ pid }) => pid ?? 0);
    await kubernetes.restartApiServer();
    assert.equal(pids.filter(isAlive).length, 2);
    await scale(namespace, 3);
    await rolledOut(kubernetes, { name, namespace });
    const pods = names(await podsIn(namespace));
    assert.equal(pods.length, 3);
    for (const pod of pods) assert.equal(await statusOfRefresh(namespace, pod, "first"), 200);
  });
});
