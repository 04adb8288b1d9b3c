import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  AppsV1Api,
  CoreV1Api,
  type KubeConfig,
  PatchStrategy,
  setHeaderOptions,
  type V1Pod,
} from "@kubernetes/client-node";
import { readBootstrap } from "#operations/fleet/kubernetes/bootstrap-log";
import { defaultBootstrapPattern } from "#operations/fleet/kubernetes/bootstrap-pattern";
import { type Cluster, openCluster } from "#operations/fleet/kubernetes/cluster";
import { missingRights, rightsFor } from "#operations/fleet/kubernetes/permissions";
import {
  type RolloutOptions,
  type RolloutResult,
  restartWorkload,
} from "#operations/fleet/kubernetes/rollout";
import { restartedAtKey } from "#operations/fleet/kubernetes/rollout-status";
import { parseWorkload, workloadOfPod } from "#operations/fleet/kubernetes/workload";
import { deploySampleApi, rolledOut } from "../../../../scripts/lab/kubernetes/deploy-sample-api.ts";
import { type LabKubernetes, startKubernetes } from "../../../../scripts/lab/kubernetes/kubernetes.ts";
import { type PodRunner, startPodRunner } from "../../../../scripts/lab/kubernetes/pod-runner.ts";
import { sampleTemplate } from "../../../../scripts/lab/kubernetes/sample-deployment.ts";
import { clientConfig, noCluster, until } from "../../../lab/kubernetes/cluster.ts";
import { issuerKey, startIssuer, type TestIssuer } from "../../../lab/sample-api/jwks-server.ts";
import { grant, shippedGroup, shippedRole } from "./shipped-role.ts";

const name = "shop-api";
const selector = `app=${name}`;
const merge = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);

describe("restarting a workload", { skip: await noCluster() }, () => {
  let kubernetes: LabKubernetes;
  let runner: PodRunner;
  let issuer: TestIssuer;
  let config: KubeConfig;
  let core: CoreV1Api;
  let apps: AppsV1Api;
  let cluster: Cluster;

  before(async () => {
    kubernetes = await startKubernetes({ onProgress: console.error });
    issuer = await startIssuer(await issuerKey("first"));
    config = clientConfig(kubernetes.kubeconfigPath);
    core = config.makeApiClient(CoreV1Api);
    apps = config.makeApiClient(AppsV1Api);
    runner = await startPodRunner(kubernetes, { crashBackOffMs: 200 });
    const { kubeconfigPath } = await kubernetes.kubeconfigFor({ user: "alice", groups: [shippedGroup] });
    cluster = await openCluster({ name: "shop", kubeconfig: kubeconfigPath });
  });
  after(async () => {
    await runner?.stop();
    await issuer?.stop();
    await kubernetes?.stop();
  });

  /** A namespace in which the shipped Role, for the workloads given, is all that the program may do. */
  async function makeNamespace(...resources: string[]): Promise<string> {
    const namespace = await kubernetes.createNamespace();
    const { role } = await shippedRole();
    const [shipped] = role.rules.filter(({ apiGroups }) => apiGroups?.includes("apps"));
    assert.ok(shipped);
    const more = resources.map((resource) => ({ ...shipped, resources: [resource] }));
    await grant(kubernetes, namespace, [...role.rules, ...more]);
    const workloads = [`deployment/${name}`, ...resources.map((resource) => `${resource}/${name}`)];
    const rights = rightsFor({ namespace, transport: "port-forward", workloads });
    await until(async () => (await missingRights(cluster, rights)).length === 0);
    return namespace;
  }

  async function deploy(replicas: number, env: Record<string, string> = {}): Promise<string> {
    const namespace = await makeNamespace();
    const options = { name, namespace, replicas, env: { ISSUER: issuer.url, ...env } };
    await deploySampleApi(kubernetes, options);
    return namespace;
  }

  /** Restarts a workload of the sample API. Lines of progress are appended to `lines`. */
  function restart(
    namespace: string,
    options: Partial<RolloutOptions> & { workload?: string; lines?: string[] } = {},
  ): Promise<RolloutResult> {
    const { workload: text = `deployment/${name}`, lines = [], ...rest } = options;
    const workload = parseWorkload(text, namespace);
    assert.ok(workload);
    return restartWorkload(cluster, workload, {
      after: new Date().toISOString(),
      timeoutMs: 60_000,
      redact: (log) => log.replaceAll("hunter2", "[secret]"),
      progress: (line) => lines.push(line),
      selector,
      ...rest,
    });
  }

  async function podsIn(namespace: string): Promise<V1Pod[]> {
    return (await core.listNamespacedPod({ namespace, labelSelector: selector })).items;
  }

  const uidsIn = async (namespace: string) => (await podsIn(namespace)).map(({ metadata }) => metadata?.uid);

  const isReady = ({ status }: V1Pod) =>
    status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;

  /** Asserts that no pod of before is left, and that those there are now are ready and as many. */
  async function assertReplaced(namespace: string, before: readonly unknown[]): Promise<void> {
    const pods = await podsIn(namespace);
    assert.equal(pods.length, before.length);
    assert.ok(pods.every(isReady));
    assert.deepEqual(
      pods.filter(({ metadata }) => before.includes(metadata?.uid)),
      [],
    );
  }

  function patchDeployment(namespace: string, spec: object): Promise<unknown> {
    return apps.patchNamespacedDeployment({ name, namespace, body: { spec } }, merge);
  }

  const container = (change: object) => ({
    template: { spec: { containers: [{ name: "api", ...change }] } },
  });

  /** Changes the one container of a Deployment's pods. */
  function patchContainer(namespace: string, change: object): Promise<unknown> {
    const strategic = setHeaderOptions("Content-Type", PatchStrategy.StrategicMergePatch);
    return apps.patchNamespacedDeployment({ name, namespace, body: { spec: container(change) } }, strategic);
  }

  async function restartedAtOf(namespace: string): Promise<string | undefined> {
    const { spec } = await apps.readNamespacedDeployment({ name, namespace });
    return spec?.template.metadata?.annotations?.[restartedAtKey];
  }

  test("a Deployment is restarted: the old pods are gone, the new ones ready, and progress is shown", async () => {
    const namespace = await deploy(3);
    const before = await uidsIn(namespace);
    const lines: string[] = [];
    const result = await restart(namespace, { lines });
    assert.equal(result.outcome, "done", result.reason);
    assert.equal(result.target, "shop");
    assert.equal(result.workload, "deployment/shop-api");
    assert.ok(result.startedAt <= result.finishedAt);
    await assertReplaced(namespace, before);
    assert.match(lines[0] ?? "", /^deployment\/shop-api: \d of 3 pods new/);
    assert.equal(lines.at(-1), "deployment/shop-api: rolled out");
    const [pod] = await podsIn(namespace);
    assert.ok(pod);
    assert.equal(workloadOfPod(pod), "deployment/shop-api");
  });

  test("a StatefulSet and a DaemonSet are restarted", async () => {
    const namespace = await makeNamespace("statefulsets");
    const template = sampleTemplate({ name, namespace, env: { ISSUER: issuer.url } });
    const matchLabels = { app: name };
    await apps.createNamespacedStatefulSet({
      namespace,
      body: {
        metadata: { name },
        spec: { serviceName: name, replicas: 2, selector: { matchLabels }, template },
      },
    });
    const other = await makeNamespace("daemonsets");
    await apps.createNamespacedDaemonSet({
      namespace: other,
      body: { metadata: { name }, spec: { selector: { matchLabels }, template } },
    });
    const runs = async (where: string, count: number) => {
      const pods = await podsIn(where);
      return pods.length === count && pods.every(isReady);
    };
    await until(() => runs(namespace, 2));
    await until(() => runs(other, 1));
    const [set, daemon] = [await uidsIn(namespace), await uidsIn(other)];
    const [first, second] = await Promise.all([
      restart(namespace, { workload: `sts/${name}` }),
      restart(other, { workload: `ds/${name}` }),
    ]);
    assert.equal(first.outcome, "done", first.reason);
    assert.equal(second.outcome, "done", second.reason);
    await assertReplaced(namespace, set);
    await assertReplaced(other, daemon);
    const [owned] = [...(await podsIn(other))];
    assert.ok(owned);
    assert.equal(workloadOfPod(owned), "daemonset/shop-api");
  });

  test("an image that can't be pulled blocks the roll-out, and is named once and at the end", async () => {
    const namespace = await deploy(2);
    await patchContainer(namespace, { image: "jwks-break-glass/does-not-exist:1" });
    const lines: string[] = [];
    const result = await restart(namespace, { timeoutMs: 3_000, lines });
    assert.equal(result.outcome, "failed");
    assert.match(result.reason ?? "", /^ROLLOUT_STUCK: target shop: deployment\/shop-api .*does-not-exist:1/);
    assert.match(result.reason ?? "", /make the image available/);
    const told = lines.filter((line) => line.includes("can't be pulled"));
    assert.equal(told.length, 1);
    assert.equal((await podsIn(namespace)).filter(isReady).length, 2);
  });

  test("a crash loop blocks the roll-out, with exit code and last lines of the log, redacted", async () => {
    const namespace = await deploy(1);
    await patchContainer(namespace, { env: [{ name: "ISSUER", value: "no URL hunter2" }] });
    const result = await restart(namespace, { timeoutMs: 6_000 });
    assert.match(result.reason ?? "", /^ROLLOUT_STUCK: .*CrashLoopBackOff; Error, exit code 1/);
    assert.ok(result.podLogs && result.podLogs.length <= 10);
    assert.match(result.podLogs.join("\n"), /environment is wrong/);
    assert.doesNotMatch(JSON.stringify(result), /hunter2/);
  });

  test("a pod that runs but is never ready is named, with its log", async () => {
    const namespace = await deploy(1);
    await patchContainer(namespace, {
      readinessProbe: { httpGet: { path: "/no-such-path", port: 8080 }, periodSeconds: 1 },
    });
    const result = await restart(namespace, { timeoutMs: 5_000 });
    assert.match(result.reason ?? "", /^ROLLOUT_STUCK: .*is not ready: its readiness probe fails/);
    assert.match(result.podLogs?.join("\n") ?? "", /no-such-path.*404/);
  });

  test("a pod without its Secret is named, and the roll-out finishes once the Secret exists", async () => {
    const namespace = await deploy(1);
    const secretKeyRef = { name: "late", key: "LATE" };
    await patchContainer(namespace, { env: [{ name: "LATE", valueFrom: { secretKeyRef } }] });
    const lines: string[] = [];
    const restarting = restart(namespace, { lines });
    await until(() => lines.some((line) => /CreateContainerConfigError/.test(line)));
    await core.createNamespacedSecret({
      namespace,
      body: { metadata: { name: "late" }, stringData: { LATE: "x" } },
    });
    const result = await restarting;
    assert.equal(result.outcome, "done", result.reason);
  });

  test("a quota that refuses the new pod blocks the roll-out, and is quoted", async () => {
    const namespace = await deploy(1);
    const hard = { pods: "1" };
    await core.createNamespacedResourceQuota({
      namespace,
      body: { metadata: { name: "tight" }, spec: { hard } },
    });
    await until(async () => {
      const { status } = await core.readNamespacedResourceQuota({ name: "tight", namespace });
      return status?.used?.pods === "1";
    });
    const result = await restart(namespace, { timeoutMs: 3_000 });
    assert.match(result.reason ?? "", /^ROLLOUT_STUCK: .*exceeded quota: tight/);
    assert.match(result.reason ?? "", /raise the quota/);
  });

  test("a workload whose pods a restart would not replace is refused before it is touched", async () => {
    const namespace = await deploy(1);
    await patchDeployment(namespace, { paused: true });
    const paused = await restart(namespace);
    assert.match(
      paused.reason ?? "",
      /^WORKLOAD_NOT_RESTARTABLE: .*deployment\/shop-api is paused.*resume it/,
    );
    assert.equal(await restartedAtOf(namespace), undefined);
    await apps.deleteNamespacedDeployment({ name, namespace });
    const missing = await restart(namespace);
    assert.match(missing.reason ?? "", /^WORKLOAD_NOT_RESTARTABLE: .*there is no deployment\/shop-api/);
  });

  test("a workload that keeps its pods until someone deletes them is refused", async () => {
    const namespace = await makeNamespace("statefulsets", "daemonsets");
    const template = sampleTemplate({ name, namespace, env: { ISSUER: issuer.url } });
    const selector = { matchLabels: { app: name } };
    const spec = { selector, template, updateStrategy: { type: "OnDelete" } };
    const metadata = { name };
    await apps.createNamespacedDaemonSet({
      namespace,
      body: { metadata, spec },
    });
    await apps.createNamespacedStatefulSet({
      namespace,
      body: { metadata, spec: { ...spec, serviceName: name, replicas: 0 } },
    });
    for (const workload of [`daemonset/${name}`, `statefulset/${name}`]) {
      const { reason } = await restart(namespace, { workload });
      assert.match(reason ?? "", new RegExp(`^WORKLOAD_NOT_RESTARTABLE: .*${workload} .*OnDelete`));
    }
  });

  test("a restart that is still rolling out is waited for, a complete one is repeated", async () => {
    const namespace = await deploy(1);
    const after = new Date().toISOString();
    const held = { readinessProbe: { httpGet: { path: "/no-such-path", port: 8080 }, periodSeconds: 1 } };
    await patchContainer(namespace, held);
    assert.equal((await restart(namespace, { after, timeoutMs: 500 })).outcome, "failed");
    const begun = await restartedAtOf(namespace);
    const lines: string[] = [];
    const joined = restart(namespace, { after, lines });
    await until(() => lines.some((line) => line.includes(`restart of ${begun} is still rolling out`)));
    await patchContainer(namespace, { readinessProbe: { httpGet: { path: "/healthz", port: 8080 } } });
    assert.equal((await joined).outcome, "done");
    assert.equal(await restartedAtOf(namespace), begun);
    assert.equal((await restart(namespace, { after })).outcome, "done");
    assert.notEqual(await restartedAtOf(namespace), begun);
  });

  test("a restart from before the cut-over does not count", async () => {
    const namespace = await deploy(1);
    const held = { readinessProbe: { httpGet: { path: "/no-such-path", port: 8080 }, periodSeconds: 1 } };
    await patchContainer(namespace, held);
    await restart(namespace, { timeoutMs: 500 });
    const begun = await restartedAtOf(namespace);
    await restart(namespace, { timeoutMs: 500 });
    assert.notEqual(await restartedAtOf(namespace), begun);
  });

  test("the roll-out waits for an old pod that was told to end and has not ended", async () => {
    const namespace = await deploy(1);
    const [old] = await podsIn(namespace);
    assert.ok(old?.metadata?.name);
    const hold = (finalizers: string[] | null) =>
      core.patchNamespacedPod(
        { name: old.metadata?.name ?? "", namespace, body: { metadata: { finalizers } } },
        merge,
      );
    await hold(["example.com/hold"]);
    const after = new Date().toISOString();
    const lines: string[] = [];
    const stuck = await restart(namespace, { after, timeoutMs: 6_000, lines });
    assert.match(
      stuck.reason ?? "",
      new RegExp(`^ROLLOUT_STUCK: .*1 old left; pod ${old.metadata.name}: .*told to end`),
    );
    await rolledOut(kubernetes, { name, namespace });
    const joined = restart(namespace, { after });
    await hold(null);
    assert.equal((await joined).outcome, "done");
    await assertReplaced(namespace, [old.metadata.uid]);
  });

  test("a restart that someone reverts is a failure, not a success", async () => {
    const namespace = await deploy(1);
    const held = { readinessProbe: { httpGet: { path: "/no-such-path", port: 8080 }, periodSeconds: 1 } };
    await patchContainer(namespace, held);
    const lines: string[] = [];
    const restarting = restart(namespace, { lines });
    await until(() => lines.length > 0);
    const annotations = { [restartedAtKey]: null };
    await patchDeployment(namespace, { template: { metadata: { annotations } } });
    const { reason } = await restarting;
    assert.match(reason ?? "", /^ROLLOUT_STUCK: .*reverted the restart of deployment\/shop-api/);
  });

  test("an API server that is killed meanwhile only costs time", async () => {
    const namespace = await deploy(3);
    const before = await uidsIn(namespace);
    const lines: string[] = [];
    const restarting = restart(namespace, { lines });
    await until(() => lines.length > 0);
    await kubernetes.restartApiServer();
    const result = await restarting;
    assert.equal(result.outcome, "done", result.reason);
    await assertReplaced(namespace, before);
  });

  describe("the start-up log", () => {
    const pattern = new RegExp(defaultBootstrapPattern, "gi");
    const redact = (text: string) => text.replaceAll("first", "[kid]");

    async function onePod(): Promise<{ namespace: string; name: string; container: string }> {
      const namespace = await deploy(1);
      const [pod] = await podsIn(namespace);
      return { namespace, name: pod?.metadata?.name ?? "", container: "api" };
    }

    test("shows the bootstrap, redacted, as often as it is looked for", async () => {
      const pod = await onePod();
      for (let time = 0; time < 3; time++) {
        const check = await readBootstrap(cluster, pod, pattern, redact);
        assert.equal(check.found, true);
        assert.match(check.line ?? "", /JWKS bootstrap ok kids=\["\[kid\]"\]$/);
        assert.doesNotMatch(check.tail.join("\n"), /first/);
      }
    });

    test("shows its last lines if the line is missing", async () => {
      const check = await readBootstrap(cluster, await onePod(), /no such line/, redact);
      assert.equal(check.found, false);
      assert.equal(check.line, undefined);
      assert.ok(check.tail.length > 0 && check.tail.length <= 20);
      assert.match(check.tail.join("\n"), /JWKS bootstrap ok/);
    });

    test("is searched at its beginning and at its end if it is longer than what is read at once", async () => {
      const pod = await onePod();
      const { url } = runner.pods().find((one) => one.name === pod.name) ?? {};
      const call = async (path: string) => (await fetch(`${url}/${path}`)).body?.cancel();
      // Each request is a line of the log.
      for (let line = 0; line < 60; line++) await call("x".repeat(7_000));
      await call("the-last-line");
      assert.equal((await readBootstrap(cluster, pod, pattern, redact)).found, true);
      const last = await until(async () => {
        const check = await readBootstrap(cluster, pod, /the-last-line/, redact);
        return check.found && check;
      });
      assert.match(last.tail.join("\n"), /the-last-line/);
    });

    test("that may not be read is an error with a code that names the right", async () => {
      const pod = await onePod();
      const { role } = await shippedRole();
      await grant(
        kubernetes,
        pod.namespace,
        role.rules.filter(({ resources }) => !resources?.includes("pods/log")),
      );
      const refusal = await until(() =>
        readBootstrap(cluster, pod, pattern, redact).then(
          () => undefined,
          (error: Error & { code: string }) => error,
        ),
      );
      assert.equal(refusal.code, "KUBERNETES_FORBIDDEN");
      assert.match(refusal.message, /may not get pods\/log/);
    });

    test("of a pod that is gone is an error with a code", async () => {
      const pod = { ...(await onePod()), name: "gone" };
      await assert.rejects(readBootstrap(cluster, pod, pattern, redact), {
        code: "KUBERNETES_UNEXPECTED_ANSWER",
      });
    });
  });
});
