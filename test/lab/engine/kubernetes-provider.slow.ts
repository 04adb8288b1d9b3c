import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import { type LabKubernetes, startKubernetes } from "../../../scripts/lab/kubernetes/kubernetes.ts";
import { noCluster } from "../kubernetes/cluster.ts";
import { KEY, KubernetesWorld } from "./kubernetes-world.ts";

const skip = await noCluster();

describe("Secrets of a real API server, by the local engine", { skip }, () => {
  let kubernetes: LabKubernetes;
  before(async () => {
    kubernetes = await startKubernetes({ onProgress: console.error });
  });
  after(() => kubernetes?.stop());

  const open = (context: TestContext) => KubernetesWorld.open(context, kubernetes);
  const mutable = { enableSecretMutable: true };

  test("a token bump updates the Secret in place, and nothing shows the token", async (context) => {
    const world = await open(context);
    const metadata = { name: "refresh-token", namespace: world.namespace };
    await world.want([{ resource: "shop", metadata, provider: mutable }]);
    const previewed = await world.run("preview", ["--diff"]);
    assert.equal(previewed.exitCode, 0, previewed.output);
    assert.equal(await world.find("refresh-token"), undefined, "a preview makes nothing");
    const first = await world.run("up", ["--diff"]);
    assert.equal(first.exitCode, 0, first.output);
    assert.deepEqual(await world.ids(), { shop: `${world.namespace}/refresh-token` });
    const tokens = [await world.token()];
    assert.equal(await world.value("refresh-token"), tokens[0]);
    const made = await world.find("refresh-token");
    assert.equal((await world.run("preview", ["--expect-no-changes"])).exitCode, 0);

    for (const tokenVersion of [2, 3]) {
      await world.world.stack.setConfig({ tokenVersion });
      await world.run("preview", ["--diff"]);
      await world.run("preview", ["--json"]);
      assert.equal(await world.value("refresh-token"), tokens.at(-1), "a preview changes nothing");
      const bumped = await world.run("up", ["--diff"]);
      assert.equal(bumped.exitCode, 0, bumped.output);
      const order = ["token created replacement", "shop updated", "token deleted original"];
      assert.match(bumped.output, new RegExp(order.join(".*"), "s"), "keepers: the new token comes first");
      tokens.push(await world.token());
      assert.equal(await world.value("refresh-token"), tokens.at(-1));
    }
    assert.equal((await world.find("refresh-token"))?.metadata?.uid, made?.metadata?.uid);
    assert.equal(new Set(tokens).size, 3);
    const text = await world.allText();
    for (const token of tokens) {
      assert.ok(!text.includes(token), "the token is shown");
      assert.ok(!text.includes(btoa(token)), "the Secret's data is shown");
    }
    const managers = (await world.find("refresh-token"))?.metadata?.managedFields;
    assert.deepEqual(
      managers?.map(({ operation, manager }) => [operation, manager?.replace(/[0-9a-f]{8}$/, "…")]),
      [["Apply", "pulumi-kubernetes-…"]],
    );
  });

  test("without enableSecretMutable a bump replaces the Secret, the old one first", async (context) => {
    const world = await open(context);
    const metadata = { name: "refresh-token", namespace: world.namespace };
    await world.want([{ resource: "shop", metadata }]);
    await world.run("up");
    const made = await world.find("refresh-token");
    await world.world.stack.setConfig({ tokenVersion: 2 });
    const { exitCode, output } = await world.run("up");
    assert.equal(exitCode, 0, output);
    assert.notEqual((await world.find("refresh-token"))?.metadata?.uid, made?.metadata?.uid);
    assert.equal(await world.value("refresh-token"), await world.token());
  });

  test("a Secret without a name gets one, keeps it, and a replacement has another", async (context) => {
    const world = await open(context);
    await world.want([{ resource: "shop", metadata: { namespace: world.namespace } }]);
    await world.run("up");
    const { shop = "" } = await world.ids();
    assert.match(shop, /\/shop-[0-9a-f]{8}$/);
    assert.equal((await world.run("preview", ["--expect-no-changes"])).exitCode, 0);
    await world.world.stack.setConfig({ tokenVersion: 2 });
    const { exitCode, output } = await world.run("up");
    assert.equal(exitCode, 0, output);
    const { shop: replacement = "" } = await world.ids();
    assert.notEqual(replacement, shop);
    assert.equal(await world.find(shop.split("/")[1] ?? ""), undefined);
    assert.equal(await world.value(replacement.split("/")[1] ?? ""), await world.token());
  });

  test("a Secret that exists is not taken over by accident", async (context) => {
    const world = await open(context);
    const metadata = { name: "taken", namespace: world.namespace };
    await world.make("taken", { [KEY]: "somebody-elses" });
    await world.want([{ resource: "shop", metadata, provider: mutable }]);
    assert.equal((await world.run("preview")).exitCode, 0, "a preview can't know what goes before");
    const { exitCode, output } = await world.run("up");
    assert.equal(exitCode, 1);
    assert.match(output, /already exists/);
    assert.equal(await world.value("taken"), "somebody-elses");

    const force = { "pulumi.com/patchForce": "true" };
    const provider = { ...mutable, upsertExistingObjects: true };
    await world.want([{ resource: "shop", metadata: { ...metadata, annotations: force }, provider }]);
    const upserted = await world.run("up");
    assert.equal(upserted.exitCode, 0, upserted.output);
    assert.equal(await world.value("taken"), await world.token());
  });

  test("a patch conflicts with another manager unless it is forced, and lets go in the end", async (context) => {
    const world = await open(context);
    const metadata = { name: "adopted", namespace: world.namespace };
    const lastApplied = { "kubectl.kubernetes.io/last-applied-configuration": `{"was":"somebody-elses"}` };
    await world.make("adopted", { [KEY]: "somebody-elses", OTHER: "stays" }, lastApplied);
    const patch = (more: object) => [
      { resource: "shop", isPatch: true, provider: mutable, metadata: { ...metadata, ...more } },
    ];
    await world.want(patch({}));
    const refused = await world.run("up");
    assert.equal(refused.exitCode, 1);
    assert.match(refused.output, /conflict.*another/s);
    await world.want(patch({ annotations: { "pulumi.com/patchForce": "true" } }));
    const { exitCode, output } = await world.run("up");
    assert.equal(exitCode, 0, output);
    assert.equal(await world.value("adopted"), await world.token());
    assert.equal((await world.run("preview", ["--expect-no-changes"])).exitCode, 0);
    await world.world.stack.setConfig({ tokenVersion: 2 });
    assert.equal((await world.run("up")).exitCode, 0);
    assert.equal(await world.value("adopted"), await world.token());
    assert.ok(!(await world.allText()).includes("somebody-elses"), "kubectl's copy is shown");
    assert.equal((await world.run("destroy")).exitCode, 0);
    const { data = {} } = (await world.find("adopted")) ?? {};
    assert.deepEqual(Object.keys(data), ["OTHER"]);
  });

  test("a patch of a Secret that is gone forgets it, and makes none", async (context) => {
    const world = await open(context);
    const metadata = { name: "patched", namespace: world.namespace };
    await world.want([{ resource: "shop", isPatch: true, provider: mutable, metadata }]);
    assert.equal((await world.run("up")).exitCode, 0);
    assert.equal(await world.value("patched"), await world.token(), "it makes what is missing");
    await world.remove("patched");
    assert.equal((await world.run("destroy")).exitCode, 0);
    assert.equal(await world.find("patched"), undefined);
  });

  test("a patch needs a name", async (context) => {
    const world = await open(context);
    await world.want([{ resource: "shop", isPatch: true, metadata: { namespace: world.namespace } }]);
    const { exitCode, output } = await world.run("preview");
    assert.equal(exitCode, 1);
    assert.match(output, /patch resources require the name/);
  });

  test("a refresh sees drift and loss, and the next up puts both right", async (context) => {
    const world = await open(context);
    const metadata = { name: "refresh-token", namespace: world.namespace };
    await world.want([{ resource: "shop", metadata, provider: mutable }]);
    await world.run("up");
    await world.change("refresh-token", { [KEY]: "edited-by-hand" }, "kubectl-edit");
    assert.equal((await world.run("preview", ["--expect-no-changes"])).exitCode, 0, "nothing was read");
    const seen = await world.run("refresh", ["--preview-only", "--expect-no-changes", "--diff"]);
    assert.equal(seen.exitCode, 7, seen.output);
    const repaired = await world.run("up", ["--refresh"]);
    assert.equal(repaired.exitCode, 0, repaired.output);
    assert.equal(await world.value("refresh-token"), await world.token());
    assert.ok(!(await world.allText()).includes("edited-by-hand"));
    assert.ok(!(await world.allText()).includes(btoa("edited-by-hand")));

    await world.remove("refresh-token");
    assert.equal((await world.run("refresh")).exitCode, 0);
    assert.deepEqual(await world.world.statesOf("shop"), []);
    assert.equal((await world.run("up")).exitCode, 0);
    assert.equal(await world.value("refresh-token"), await world.token());
  });

  test("what another tool has taken is a conflict, which the next up tries again", async (context) => {
    const world = await open(context);
    const metadata = { name: "refresh-token", namespace: world.namespace };
    await world.want([{ resource: "shop", metadata, provider: mutable }]);
    await world.run("up");
    await world.change("refresh-token", { [KEY]: "set-by-a-controller" }, "external-secrets");
    await world.world.stack.setConfig({ tokenVersion: 2 });
    const { exitCode, output } = await world.run("up");
    assert.equal(exitCode, 1);
    assert.match(output, /conflict.*external-secrets/s);
    assert.equal(await world.value("refresh-token"), "set-by-a-controller");
    const annotations = { "pulumi.com/patchForce": "true" };
    await world.want([{ resource: "shop", metadata: { ...metadata, annotations }, provider: mutable }]);
    const forced = await world.run("up");
    assert.equal(forced.exitCode, 0, forced.output);
    assert.equal(await world.value("refresh-token"), await world.token());
  });

  test("destroy deletes the Secret, but forgets one with retainOnDelete", async (context) => {
    const world = await open(context);
    const { namespace } = world;
    const options = { retainOnDelete: true };
    await world.want([
      { resource: "kept", metadata: { name: "kept", namespace }, options, provider: mutable },
      { resource: "gone", metadata: { name: "gone", namespace }, provider: mutable },
    ]);
    await world.run("up");
    const token = await world.token();
    const { exitCode, output } = await world.run("destroy");
    assert.equal(exitCode, 0, output);
    assert.deepEqual((await world.world.stack.export()).deployment.resources ?? [], []);
    assert.equal(await world.value("kept"), token);
    assert.equal(await world.find("gone"), undefined);
  });

  test("inputs that the engine doesn't carry are refused", async (context) => {
    const world = await open(context);
    const metadata = { name: "refresh-token", generateName: "refresh-" };
    await world.want([{ resource: "shop", metadata, provider: { ...mutable } }]);
    const secret = await world.run("preview");
    assert.equal(secret.exitCode, 1);
    assert.match(secret.output, /metadata\.generateName.* is not carried by the local engine/);
    await world.want([{ resource: "shop", provider: { renderYamlToDirectory: "rendered" } }]);
    const provider = await world.run("preview");
    assert.equal(provider.exitCode, 1);
    assert.match(provider.output, /renderYamlToDirectory.* is not carried by the local engine/);
  });
});
