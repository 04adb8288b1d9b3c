import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { CoreV1Api, RbacAuthorizationV1Api, type V1PolicyRule } from "@kubernetes/client-node";
import { z } from "zod";
import { type LabKubernetes, startKubernetes } from "../../scripts/lab/kubernetes/kubernetes.ts";
import { startPodRunner } from "../../scripts/lab/kubernetes/pod-runner.ts";
import { clientConfig, noCluster, until } from "../lab/kubernetes/cluster.ts";
import { type DrillRun, runDrillWith } from "./run-drill.ts";

const ownCluster = { LAB_KUBECONFIG: "" };
/** All that the drill touches; nodes, by which it knows a lab's own cluster, are not in it. */
const namespaced = ["namespaces", "pods", "pods/log", "pods/portforward", "secrets", "configmaps"];
const summaryShape = z.looseObject({
  verified: z.boolean(),
  restarts: z.array(z.looseObject({ subject: z.string(), outcome: z.string() })),
  instances: z.array(
    z.looseObject({ name: z.string(), uid: z.string(), refresh: z.string(), proof: z.string() }),
  ),
});

async function proofsOf({ summary }: DrillRun): Promise<string[]> {
  const { instances } = summaryShape.parse(await summary());
  assert.equal(new Set(instances.map(({ uid }) => uid)).size, instances.length);
  return instances.map(({ proof }) => proof);
}

suite("npm run drill -- --kubernetes", { skip: await noCluster() }, () => {
  let kubernetes: LabKubernetes;
  let given: NodeJS.ProcessEnv;

  before(async () => {
    kubernetes = await startKubernetes({ onProgress: console.error });
    given = { LAB_KUBECONFIG: kubernetes.kubeconfigPath };
  });
  after(async () => kubernetes?.stop());

  async function namespaces(): Promise<string[]> {
    const { items } = await clientConfig(kubernetes.kubeconfigPath).makeApiClient(CoreV1Api).listNamespace();
    return items.map(({ metadata }) => metadata?.name ?? "").filter((name) => name.startsWith("lab-"));
  }

  async function grant(user: string, rules: V1PolicyRule[]): Promise<void> {
    const rbac = clientConfig(kubernetes.kubeconfigPath).makeApiClient(RbacAuthorizationV1Api);
    await rbac.createClusterRole({ body: { metadata: { name: user }, rules } });
    const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: user };
    const subjects = [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: user }];
    await rbac.createClusterRoleBinding({ body: { metadata: { name: user }, roleRef, subjects } });
  }

  test("healthy pods on the lab's own cluster are verified, each by name, and the cluster is printed first", async (t) => {
    const run = await runDrillWith(t, ownCluster, "--kubernetes", "--instances", "2");
    const { exitCode, output, summary } = run;
    assert.equal(exitCode, 0, output);
    assert.match(output.split("\n")[0] ?? "", /cluster: the lab's own on this machine, Kubernetes 1\.\d+/);
    assert.match(
      output,
      /accepted by 2 of 2 pods[\s\S]*now accepted by 0 of 2 pods, and refused by Keycloak/,
    );
    const { instances, restarts } = summaryShape.parse(await summary());
    assert.deepEqual(
      instances.map(({ refresh, proof }) => [refresh, proof]),
      Array(2).fill(["claimed", "replayed"]),
    );
    assert.deepEqual(restarts, []);
    for (const { name } of instances) assert.match(output, new RegExp(`│ ${name} +│ claimed .* replayed`));
  });

  test("while pods are added and deleted and one keeps its cache, a given cluster is verified and left as it was", async (t) => {
    const args = ["--kubernetes", "--instances", "3", "--churn", "--misbehave", "keep-cache:1"];
    const run = await runDrillWith(t, given, ...args);
    const { exitCode, output, summary } = run;
    assert.equal(exitCode, 0, output);
    const [first = ""] = output.split("\n");
    assert.ok(first.includes(`cluster: ${kubernetes.server}, context lab of LAB_KUBECONFIG`), first);
    assert.match(output, /churn +scaling shop-api from 3 to 6 pods/);
    assert.match(output, /churn +deleted shop-api-\S+ and shop-api-\S+/);
    assert.match(output, /churn +6 pods are ready[\s\S]*restarted deployment\/shop-api: .*still accepts kid/);
    assert.deepEqual(await proofsOf(run), Array(6).fill("restarted"));
    const { restarts } = summaryShape.parse(await summary());
    assert.deepEqual(
      restarts.map(({ subject, outcome }) => [subject, outcome]),
      [["deployment/shop-api", "done"]],
    );
    await until(async () => (await namespaces()).length === 0);
  });

  test("in a cluster that runs its pods itself, they are reached through the API server", async (t) => {
    const runner = await startPodRunner(kubernetes);
    t.after(() => runner.stop());
    const user = "developer";
    await grant(user, [
      { apiGroups: [""], resources: namespaced, verbs: ["*"] },
      { apiGroups: ["apps"], resources: ["*"], verbs: ["*"] },
    ]);
    const { kubeconfigPath } = await kubernetes.kubeconfigFor({ user });
    const env = { LAB_KUBECONFIG: kubeconfigPath };
    const run = await runDrillWith(t, env, "--kubernetes", "--instances", "2", "--churn");
    assert.equal(run.exitCode, 0, run.output);
    assert.match(run.output, /accepted by 2 of 2 pods[\s\S]*now accepted by 0 of 5 pods, and refused by/);
    assert.equal((await proofsOf(run)).length, 5);
    const refused = await runDrillWith(t, env, "--kubernetes", "--instances", "1", "--misbehave", "hang:1");
    assert.equal(refused.exitCode, 2, refused.output);
    assert.match(refused.output, /--misbehave works only where the lab itself runs the pods' processes/);
    await until(async () => (await namespaces()).length === 0);
  });

  test("with the strategy refresh, a pod that keeps its cache makes the drill fail and is named", async (t) => {
    const args = ["--kubernetes", "--instances", "2", "--misbehave", "keep-cache:1", "--strategy", "refresh"];
    const run = await runDrillWith(t, given, ...args);
    const { exitCode, output } = run;
    assert.equal(exitCode, 1, output);
    const victim = /(shop-api-\S+) will misbehave: keep-cache/.exec(output)?.[1] ?? "";
    assert.match(output, new RegExp(`${victim} still accepts kid[\\s\\S]*unproven: NOT VERIFIED`));
    assert.deepEqual((await proofsOf(run)).toSorted(), ["replayed", "unproven"]);
  });
});

suite("npm run drill -- --kubernetes, when it can't start", () => {
  test("without Go, a built control plane or a kubeconfig it says what to install: exit 2, no stack trace", async (t) => {
    const empty = await mkdtemp(join(tmpdir(), "empty-"));
    t.after(() => rm(empty, { recursive: true, force: true }));
    const env = { ...ownCluster, XDG_CACHE_HOME: empty, PATH: empty };
    const { exitCode, output } = await runDrillWith(t, env, "--kubernetes");
    assert.equal(exitCode, 2, output);
    assert.match(output, /Install Go \(1\.26 or later\), or set LAB_KUBECONFIG/);
    assert.doesNotMatch(output, /^ +at /m);
  });

  test("a missing kubeconfig is named: exit 2, no stack trace", async (t) => {
    const { exitCode, output } = await runDrillWith(t, { LAB_KUBECONFIG: "/no/such/file" }, "--kubernetes");
    assert.equal(exitCode, 2, output);
    assert.match(output, /LAB_KUBECONFIG can't be read: .*\/no\/such\/file/);
    assert.doesNotMatch(output, /^ +at /m);
  });

  test("the help says what your own cluster must provide", async (t) => {
    const { exitCode, output } = await runDrillWith(t, {}, "--help");
    assert.equal(exitCode, 0);
    for (const word of ["--kubernetes", "--strategy", "--churn", "LAB_KUBECONFIG", "an image "]) {
      assert.ok(output.includes(word), word);
    }
  });
});
