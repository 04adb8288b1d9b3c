import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { freePort } from "../../../scripts/lab/kubernetes/free-port.ts";
import { type LabKubernetes, startKubernetes } from "../../../scripts/lab/kubernetes/kubernetes.ts";
import { noCluster } from "../kubernetes/cluster.ts";
import { type Kubeconfig, KubernetesWorld } from "./kubernetes-world.ts";

const skip = await noCluster();
const mutable = { enableSecretMutable: true };

/** Adds a context of the same cluster and user, with a namespace of its own. */
function addContext({ contexts }: Kubeconfig, name: string, namespace: string): void {
  const [first] = contexts;
  contexts.push({ name, context: { ...first?.context, namespace } });
}

describe("Kubernetes providers of the local engine", { skip }, () => {
  let kubernetes: LabKubernetes;
  let adminText: string;
  before(async () => {
    kubernetes = await startKubernetes({ onProgress: console.error });
    adminText = await readFile(kubernetes.kubeconfigPath, "utf8");
  });
  after(() => kubernetes?.stop());

  test("two providers with two contexts write into two places", async (context) => {
    const world = await KubernetesWorld.open(context, kubernetes, {});
    const second = await kubernetes.createNamespace();
    const kubeconfig = await world.kubeconfig(adminText, (config) => {
      addContext(config, "first", world.namespace);
      addContext(config, "second", second);
    });
    const provider = (name: string) => ({ ...mutable, kubeconfig, context: name });
    const metadata = { name: "refresh-token" };
    await world.want([
      { resource: "shop", metadata, provider: provider("first") },
      { resource: "billing", metadata, provider: provider("second") },
    ]);
    const { exitCode, output } = await world.run("up");
    assert.equal(exitCode, 0, output);
    assert.deepEqual(await world.ids(), {
      shop: `${world.namespace}/refresh-token`,
      billing: `${second}/refresh-token`,
    });
    const token = await world.token();
    assert.equal(await world.value("refresh-token"), token);
    assert.equal(await world.value("refresh-token", second), token);
    assert.equal((await world.run("preview", ["--expect-no-changes"])).exitCode, 0);
    await world.want([{ resource: "shop", metadata, provider: provider("first") }]);
    assert.equal((await world.run("up")).exitCode, 0);
    assert.equal(await world.find("refresh-token", second), undefined, "deleted by a provider that is gone");
    assert.equal(await world.value("refresh-token"), token);
  });

  test("a kubeconfig may be given as secret contents, which are shown nowhere", async (context) => {
    const world = await KubernetesWorld.open(context, kubernetes, {});
    const user = { user: "rotator", groups: ["system:masters"] };
    const { kubeconfigPath, token } = await kubernetes.kubeconfigFor(user, world.namespace);
    const contents = await readFile(kubeconfigPath, "utf8");
    await world.world.stack.setConfig({}, { clusterConfig: contents });
    const metadata = { name: "refresh-token" };
    await world.want([{ resource: "shop", metadata, provider: mutable, kubeconfigFrom: "clusterConfig" }]);
    await world.run("preview", ["--diff"]);
    await world.run("preview", ["--json"]);
    const { exitCode, output } = await world.run("up", ["--diff"]);
    assert.equal(exitCode, 0, output);
    assert.equal(await world.value("refresh-token"), await world.token());

    const renewed = await kubernetes.kubeconfigFor(user, world.namespace);
    const fresh = await readFile(renewed.kubeconfigPath, "utf8");
    await world.world.stack.setConfig({}, { clusterConfig: fresh });
    kubernetes.revoke(token);
    const preview = await world.run("preview", ["--diff"]);
    assert.match(preview.output, /1 to update/, "new credentials are no new cluster");
    const again = await world.run("up");
    assert.equal(again.exitCode, 0, again.output);
    assert.equal((await world.run("destroy")).exitCode, 0, "with the renewed credentials");
    const text = await world.allText();
    for (const secret of [token, renewed.token]) assert.ok(!text.includes(secret), "a credential is shown");
  });

  test("the default provider and dynamic providers get the `kubernetes:` config, secret or not", async (context) => {
    const world = await KubernetesWorld.open(context, kubernetes, {});
    const { kubeconfigPath, token } = await kubernetes.kubeconfigFor({
      user: "rotator",
      groups: ["system:masters"],
    });
    const contents = await readFile(kubeconfigPath, "utf8");
    await world.world.stack.setConfig(
      { "kubernetes:namespace": world.namespace, "kubernetes:enableSecretMutable": true },
      { "kubernetes:kubeconfig": contents },
    );
    const metadata = { name: "refresh-token" };
    await world.want([{ resource: "shop", metadata }]);
    const { exitCode, output } = await world.run("up", ["--diff"]);
    assert.equal(exitCode, 0, output);
    const made = await world.find("refresh-token");
    await world.world.stack.setConfig({ tokenVersion: 2 });
    assert.equal((await world.run("up")).exitCode, 0);
    assert.equal((await world.find("refresh-token"))?.metadata?.uid, made?.metadata?.uid, "mutable");
    assert.equal(await world.value("refresh-token"), await world.token());
    const { digest } = await world.world.stack.outputs();
    const stored = contents.replace(/\r?\n$/, "");
    assert.equal(digest, createHash("sha256").update(stored).digest("hex"), "what `configure` got");
    assert.ok(!(await world.allText()).includes(token));
  });

  test("a Secret is replaced where its provider leads to another cluster, and only there", async (context) => {
    const world = await KubernetesWorld.open(context, kubernetes, {});
    const { namespace } = world;
    const kubeconfig = await world.kubeconfig(adminText, (config) => addContext(config, "other", namespace));
    const elsewhere = await world.kubeconfig(adminText, ({ clusters: [first] }) => {
      if (first) first.cluster.server = String(first.cluster.server).replace("127.0.0.1", "127.1");
    });
    const secret = (provider: object) => [
      { resource: "shop", metadata: { name: "refresh-token", namespace }, provider },
    ];
    await world.want(secret({ kubeconfig, ...mutable }));
    await world.run("up");
    const made = await world.find("refresh-token");

    await world.want(secret({ kubeconfig, context: "other", ...mutable, clusterIdentifier: "lab" }));
    const renamed = await world.run("up");
    assert.equal(renamed.exitCode, 0, renamed.output);
    assert.match(renamed.output, /shop-cluster updated/);
    assert.equal((await world.find("refresh-token"))?.metadata?.uid, made?.metadata?.uid);

    await world.want(secret({ kubeconfig: elsewhere, ...mutable, clusterIdentifier: "lab" }));
    const named = await world.run("preview");
    assert.match(named.output, /shop-cluster update /, "the program says that it is the same cluster");
    assert.match(named.output, /1 to update/);

    await world.want(secret({ kubeconfig: elsewhere, ...mutable }));
    const moved = await world.run("preview");
    assert.equal(moved.exitCode, 0, moved.output);
    assert.match(moved.output, /Secret shop replace \[replaces: provider\]/);
    const refused = await world.run("up");
    assert.equal(refused.exitCode, 1, "it is the same cluster by another name");
    assert.match(refused.output, /already exists/);
    assert.equal((await world.find("refresh-token"))?.metadata?.uid, made?.metadata?.uid);
  });

  test("a cluster that can't be reached fails the up, not the preview", async (context) => {
    const world = await KubernetesWorld.open(context, kubernetes, {});
    const port = await freePort();
    const unreachable = await world.kubeconfig(adminText, ({ clusters: [first] }) => {
      if (first) first.cluster.server = `https://127.0.0.1:${port}`;
    });
    const metadata = { name: "refresh-token", namespace: world.namespace };
    const cases = [
      { kubeconfig: unreachable, message: /cluster is unreachable: ECONNREFUSED/ },
      {
        kubeconfig: kubernetes.kubeconfigPath,
        context: "nowhere",
        message: /context "nowhere" does not exist/,
      },
      { kubeconfig: "{ token: of-the-admin", message: /cluster is unreachable: failed to parse kubeconfig/ },
      { message: /cluster is unreachable: there is no kubeconfig/ },
    ];
    for (const [index, { message, ...provider }] of cases.entries()) {
      await world.want([{ resource: `shop-${index}`, metadata, provider: { ...mutable, ...provider } }]);
      const previewed = await world.run("preview");
      assert.equal(previewed.exitCode, 0, previewed.output);
      const { exitCode, output } = await world.run("up");
      assert.equal(exitCode, 1);
      assert.match(output, message);
    }
  });

  test("a refusal names the verb that is missing, and keeps the token to itself", async (context) => {
    const world = await KubernetesWorld.open(context, kubernetes, {});
    const { kubeconfigPath } = await kubernetes.kubeconfigFor({ user: "reader" }, world.namespace);
    const provider = { ...mutable, kubeconfig: kubeconfigPath };
    await world.want([{ resource: "shop", metadata: { name: "refresh-token" }, provider }]);
    assert.equal((await world.run("preview")).exitCode, 0, "a dry run needs the same rights");
    const { exitCode, output } = await world.run("up");
    assert.equal(exitCode, 1);
    assert.match(output, /User "reader" cannot create resource "secrets"/);
  });
});
