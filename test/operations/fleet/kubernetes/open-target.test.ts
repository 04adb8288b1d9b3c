import assert from "node:assert/strict";
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import pLimit from "p-limit";
import type { KubernetesTarget } from "#operations/fleet/kubernetes/kubernetes-target";
import { openTarget, openTargets } from "#operations/fleet/targets";
import { sendJson, serve } from "../../loopback-server.ts";

interface TestCluster {
  kubeconfig: string;
  /** How often the login plugin ran. */
  logins: () => Promise<number>;
  /** Changes the kubeconfig without changing what it means. */
  touch: () => Promise<void>;
}

const podList = {
  kind: "PodList",
  apiVersion: "v1",
  metadata: { resourceVersion: "7" },
  items: [
    {
      metadata: { name: "api-1", namespace: "shop", uid: "uid-1" },
      spec: { containers: [{ name: "api", ports: [{ name: "http", containerPort: 8080 }] }] },
      status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }] },
    },
    {
      metadata: { name: "api-2", namespace: "shop", uid: "uid-2" },
      spec: { containers: [{ name: "api" }] },
      status: { phase: "Pending" },
    },
  ],
};

/** An API server that accepts the token of a login plugin only, and has two pods. */
async function cluster(t: TestContext, refusals = 0): Promise<TestCluster> {
  let left = refusals;
  const server = await serve(t, (response, { headers }) => {
    const isKnown = headers.authorization === "Bearer plugin-token" && left <= 0;
    left -= 1;
    sendJson(response, isKnown ? 200 : 401, isKnown ? podList : { kind: "Status" });
  });
  const directory = await mkdtemp(join(tmpdir(), "open-target-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const [kubeconfig, log] = [join(directory, "kubeconfig"), join(directory, "logins")];
  await writeFile(log, "");
  const credential = {
    apiVersion: "client.authentication.k8s.io/v1",
    kind: "ExecCredential",
    status: { token: "plugin-token" },
  };
  const script = `require("fs").appendFileSync(${JSON.stringify(log)}, "."); console.log(${JSON.stringify(JSON.stringify(credential))})`;
  const exec = { apiVersion: credential.apiVersion, command: process.execPath, args: ["-e", script] };
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "lab", cluster: { server: server.url, "insecure-skip-tls-verify": true } }],
    users: [{ name: "jo", user: { exec } }],
    contexts: [{ name: "lab", context: { cluster: "lab", user: "jo" } }],
    "current-context": "lab",
  };
  await writeFile(kubeconfig, JSON.stringify(config));
  return {
    kubeconfig,
    logins: async () => (await readFile(log, "utf8")).length,
    touch: () => appendFile(kubeconfig, "\n"),
  };
}

function target(name: string, kubeconfig: string, change: Partial<KubernetesTarget> = {}): KubernetesTarget {
  return {
    kind: "kubernetes",
    name,
    namespace: "shop",
    selector: "app=shop-api",
    port: 8080,
    scheme: "http",
    workloads: [],
    transport: "port-forward",
    readyTimeoutMs: 1_000,
    kubeconfig,
    ...change,
  };
}

suite("an open Kubernetes target", () => {
  test("a login plugin runs once for all targets and phases that use its kubeconfig", async (t) => {
    const { kubeconfig, logins, touch } = await cluster(t);
    const targets = [target("shop", kubeconfig), target("bank", kubeconfig)];
    for (const _ of ["canary", "enforce"]) {
      const opened = await openTargets(targets);
      await Promise.all(opened.flatMap(({ list }) => [list(1_000), list(1_000)]));
      await touch();
    }
    assert.equal(await logins(), 1);
  });

  test("a login that the API server refuses is not kept", async (t) => {
    const { kubeconfig, logins } = await cluster(t, 1);
    const list = async () => (await openTarget(target("shop", kubeconfig))).list(0);
    await assert.rejects(list(), { code: "KUBERNETES_LOGIN_REFUSED" });
    assert.equal((await list()).ready.length, 1);
    assert.equal(await logins(), 2);
  });

  test("a pod says who it is, and why it is not ready; its namespace, port and container stay with its kind", async (t) => {
    const { kubeconfig } = await cluster(t);
    const opened = await openTarget(target("shop", kubeconfig, { port: "http" }));
    const { ready, waiting } = await opened.list(1_000);
    assert.deepEqual(ready, [
      {
        name: "api-1",
        url: "http://api-1.shop:8080",
        target: "shop",
        uid: "uid-1",
        pod: { namespace: "shop", port: 8080, container: "api" },
      },
    ]);
    assert.deepEqual(
      waiting.map(({ name, notReady }) => [name, notReady]),
      [["api-2", "Pending"]],
    );
    assert.deepEqual(await opened.reach(1_000), { instances: 2, unreachable: ["api-2"] });
  });

  test("the command that fixes a pod names the target's own cluster", async () => {
    const opened = await openTarget(target("shop", "/etc/shop.kubeconfig", { context: "lab" }));
    const pod = { name: "api-1", url: "http://api-1.shop:8080", target: "shop", uid: "uid-1" };
    assert.equal(
      await opened.fixCommand(pod, { refreshPath: "/internal/refresh", stack: "prod" }),
      "kubectl --kubeconfig /etc/shop.kubeconfig --context lab --namespace shop delete pod api-1",
    );
  });

  test("a cluster that can't be opened fails whatever is asked of it, with the reason", async () => {
    const opened = await openTarget(target("shop", "/no/such/file"));
    await assert.rejects(opened.list(0), { code: "KUBECONFIG_INVALID" });
    await assert.rejects(opened.reach(0), { code: "KUBECONFIG_INVALID" });
    const { problems } = await opened.inspect({ strategy: "restart", command: [] });
    assert.match(problems.join("\n"), /^KUBECONFIG_INVALID: .*\ntargets: target shop lists no workloads/);
  });

  test("a pod whose workload is not listed can't be restarted, and the result says so", async (t) => {
    const { kubeconfig } = await cluster(t);
    const opened = await openTarget(target("shop", kubeconfig));
    const [instance] = (await opened.list(1_000)).ready;
    assert.ok(instance);
    const [result] = await opened.restart([{ instance, reason: "keeps its cache" }], {
      settings: {
        strategy: "restart",
        timeoutMs: 1_000,
        bootstrapPattern: "jwks",
        command: [],
        logs: [],
      },
      after: new Date().toISOString(),
      redact: (text) => text,
      progress: () => undefined,
      limit: pLimit(1),
    });
    assert.deepEqual([result?.target, result?.subject, result?.outcome], ["shop", "pod/api-1", "failed"]);
    assert.deepEqual(result?.because, ["api-1: keeps its cache"]);
    assert.match(result?.reason ?? "", /^WORKLOAD_NOT_RESTARTABLE: pod\/api-1 is not in the workloads/);
  });
});
