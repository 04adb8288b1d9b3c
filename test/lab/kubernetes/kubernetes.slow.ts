import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, readdir, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { CoreV1Api, KubeConfig, RbacAuthorizationV1Api } from "@kubernetes/client-node";
import { type LabKubernetes, startKubernetes } from "../../../scripts/lab/kubernetes/kubernetes.ts";
import { startPodRunner } from "../../../scripts/lab/kubernetes/pod-runner.ts";
import { isAlive } from "../sample-api/process-state.ts";
import { clientConfig, noCluster, until } from "./cluster.ts";

const skip = await noCluster();

describe("the lab's control plane", { skip }, () => {
  let kubernetes: LabKubernetes;
  before(async () => {
    kubernetes = await startKubernetes({ onProgress: console.error });
  });
  after(() => kubernetes?.stop());

  const core = (kubeconfigPath = kubernetes.kubeconfigPath) =>
    clientConfig(kubeconfigPath).makeApiClient(CoreV1Api);

  test("a user may do what RBAC grants, and nothing else", async () => {
    const namespace = await kubernetes.createNamespace();
    const user = { user: "rotator", groups: ["break-glass"] };
    const { kubeconfigPath } = await kubernetes.kubeconfigFor(user, namespace);
    const limited = core(kubeconfigPath);
    await assert.rejects(
      limited.listNamespacedPod({ namespace }),
      isForbidden(/User "rotator" cannot list resource "pods"/),
    );
    const rbac = clientConfig(kubernetes.kubeconfigPath).makeApiClient(RbacAuthorizationV1Api);
    const metadata = { name: "readers", namespace };
    await rbac.createNamespacedRole({
      namespace,
      body: { metadata, rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["list"] }] },
    });
    await rbac.createNamespacedRoleBinding({
      namespace,
      body: {
        metadata,
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "readers" },
        subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "Group", name: "break-glass" }],
      },
    });
    await until(() =>
      limited.listNamespacedPod({ namespace }).then(
        () => true,
        () => false,
      ),
    );
    await assert.rejects(
      limited.listNamespacedSecret({ namespace }),
      isForbidden(/cannot list resource "secrets"/),
    );
  });

  test("a token that was revoked, or never issued, is refused", async () => {
    const namespace = await kubernetes.createNamespace();
    const { kubeconfigPath, token } = await kubernetes.kubeconfigFor({ user: "leaver" });
    await assert.rejects(core(kubeconfigPath).listNamespacedPod({ namespace }), isForbidden(/User "leaver"/));
    kubernetes.revoke(token);
    await until(() =>
      statusOf(core(kubeconfigPath).listNamespacedPod({ namespace })).then((code) => code === 401),
    );
    const stranger = new KubeConfig();
    const ours = clientConfig(kubernetes.kubeconfigPath);
    const cluster = ours.getCurrentCluster();
    assert.ok(cluster);
    stranger.loadFromClusterAndUser(cluster, { name: "stranger", token: "guessed" });
    const refused = stranger.makeApiClient(CoreV1Api).listNamespacedPod({ namespace });
    assert.equal(await statusOf(refused), 401);
  });

  test("files with secrets are readable by their owner only", async () => {
    const { directory } = kubernetes;
    assert.ok(directory);
    const files = (await readdir(directory)).filter((file) => /\.(csv|key|kubeconfig)$/.test(file));
    assert.ok(files.length >= 4);
    for (const file of files) assert.equal((await stat(join(directory, file))).mode & 0o077, 0, file);
    assert.equal((await stat(directory)).mode & 0o077, 0);
  });

  test("a restarted API server keeps its address and its data", async () => {
    const namespace = await kubernetes.createNamespace();
    await kubernetes.restartApiServer();
    const { metadata } = await core().readNamespace({ name: namespace });
    assert.equal(metadata?.name, namespace);
  });

  test("the cluster of LAB_KUBECONFIG is used, and not stopped", async () => {
    const given = await withEnv({ LAB_KUBECONFIG: kubernetes.kubeconfigPath }, () => startKubernetes());
    assert.equal(given.startedBy, "given-kubeconfig");
    assert.equal(given.server, kubernetes.server);
    const namespace = await given.createNamespace();
    assert.throws(() => given.tokenFor({ user: "anyone" }), /unset LAB_KUBECONFIG/);
    await given.stop();
    await core().readNamespace({ name: namespace });
  });

  test("the pod runner refuses a cluster without the lab's node", async () => {
    await core().deleteNode({ name: "lab-node" });
    await assert.rejects(startPodRunner(kubernetes), /no node lab-node/);
  });
});

describe("without Go", () => {
  test("the error says what to install", async () => {
    const empty = {
      LAB_KUBECONFIG: "",
      XDG_CACHE_HOME: join(tmpdir(), "no-such-cache"),
      PATH: "/nonexistent",
    };
    await assert.rejects(
      withEnv(empty, () => startKubernetes()),
      /Install Go .* or set LAB_KUBECONFIG/,
    );
  });
});

describe("a lab that is killed", { skip }, () => {
  test("leaves no server, no pod process and no files", async () => {
    const script = new URL("./killed-lab.ts", import.meta.url).pathname;
    const lab = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = await once(createInterface({ input: lab.stdout }), "line");
    const { directory, pods }: { directory: string; pods: number[] } = JSON.parse(String(line));
    assert.equal(pods.filter(isAlive).length, 3);
    lab.kill("SIGKILL");
    await until(() => pods.filter(isAlive).length === 0);
    await until(() =>
      access(directory).then(
        () => false,
        () => true,
      ),
    );
    await until(async () => (await processesOf(directory)).length === 0);
  });
});

/** The processes that have a directory in their arguments. */
async function processesOf(directory: string): Promise<string[]> {
  const { run } = await import("../../../scripts/lab/keycloak-command.ts");
  const { output } = await run("ps", ["-eo", "pid,args"], { timeoutMs: 10_000 });
  return output.split("\n").filter((line) => line.includes(directory));
}

async function statusOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => 200,
    (error: { code?: unknown }) => error.code,
  );
}

function messageOf(body: unknown): string {
  const { message }: { message?: string } = JSON.parse(String(body));
  return message ?? "";
}

function isForbidden(pattern: RegExp) {
  return (error: { code?: unknown; body?: unknown }) =>
    error.code === 403 && pattern.test(messageOf(error.body));
}

async function withEnv<T>(changes: Record<string, string>, action: () => Promise<T>): Promise<T> {
  const before = { ...process.env };
  Object.assign(process.env, changes);
  try {
    return await action();
  } finally {
    process.env = before;
  }
}
