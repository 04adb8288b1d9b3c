import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { stringify } from "yaml";
import type { PropertyMap } from "../../../scripts/lab/engine/property-values.ts";
import { toPlainMap, UNKNOWN } from "../../../scripts/lab/engine/property-values.ts";
import { checkpointObject } from "../../../scripts/lab/engine/providers/kubernetes/checkpoint-object.ts";
import { takenOver } from "../../../scripts/lab/engine/providers/kubernetes/field-managers.ts";
import {
  kubernetesConfigRules,
  settingsOf,
} from "../../../scripts/lab/engine/providers/kubernetes/provider-settings.ts";
import { type DiffRules, secretDiff } from "../../../scripts/lab/engine/providers/kubernetes/secret-diff.ts";
import { named, normalized } from "../../../scripts/lab/engine/providers/kubernetes/secret-inputs.ts";

const type = "kubernetes:core/v1:Secret";
const inputs: PropertyMap = {
  apiVersion: "v1",
  kind: "Secret",
  type: "Opaque",
  metadata: { name: "refresh-token", namespace: "shop" },
  data: { TOKEN: "b25l" },
};
const live: PropertyMap = {
  ...inputs,
  metadata: { name: "refresh-token", namespace: "shop", uid: "1", annotations: { "by-others": "x" } },
  data: { TOKEN: "b25l", OTHER: "b3RoZXI=" },
};

function diffOf(changes: PropertyMap, rules: Partial<DiffRules> = {}, now = live) {
  const outputs = toPlainMap(checkpointObject(inputs, now, "us"));
  const resource = { urn: "urn:secret", type, id: "shop/refresh-token", inputs, outputs };
  const all = { isPatch: false, secretMutable: true, ignored: [], ...rules };
  return secretDiff(resource, { ...inputs, ...changes }, all);
}

test("what the server or others have added is no change", () => {
  assert.deepEqual(diffOf({}).changedKeys, []);
});

test("changed data is an update where Secrets are mutable, and else a replacement, the old one first", () => {
  const data = { TOKEN: "dHdv" };
  const { replaceKeys, changedKeys } = diffOf({ data });
  assert.deepEqual([changedKeys, replaceKeys], [["data"], []]);
  const replaced = diffOf({ data }, { secretMutable: false });
  assert.deepEqual([replaced.replaceKeys, replaced.deleteBeforeReplace], [["data.TOKEN"], true]);
  assert.deepEqual(diffOf({ data, immutable: true }).replaceKeys, ["data.TOKEN"]);
  assert.deepEqual(diffOf({ data }, { secretMutable: false, isPatch: true }).replaceKeys, []);
});

test("another place is a replacement that may come before the old one goes", () => {
  for (const metadata of [{ name: "renamed", namespace: "shop" }, { name: "refresh-token" }]) {
    const { replaceKeys, deleteBeforeReplace } = diffOf({ metadata }, { isPatch: true });
    assert.equal(replaceKeys.length, 1);
    assert.equal(deleteBeforeReplace, false);
  }
});

test("data that somebody changed or took away is a change", () => {
  for (const data of [{ TOKEN: "dGhyZWU=" }, { OTHER: "b3RoZXI=" }]) {
    assert.equal(diffOf({}, {}, { ...live, data }).changes, "some");
    assert.equal(diffOf({}, { ignored: ["data"] }, { ...live, data }).changes, "none");
  }
});

test("data that a preview can't know is an update", () => {
  assert.deepEqual(diffOf({ data: UNKNOWN }).changedKeys, ["data"]);
});

test("stringData is data, and base64 has one spelling", () => {
  const { data, stringData } = normalized({ data: { A: "YQ" }, stringData: { B: "b" } });
  assert.deepEqual([data, stringData], [{ A: "YQ==", B: "Yg==" }, undefined]);
});

test("a made-up name stays, unless there is nothing old to take it from", () => {
  const defaults = { prefix: "shop-", namespace: "shop" };
  const first = named({ kind: "Secret" }, {}, defaults);
  assert.deepEqual(named({ kind: "Secret" }, first, defaults), first);
  assert.notDeepEqual(named({ kind: "Secret" }, {}, defaults), first);
});

test("kubectl's and our own fields are taken over, a controller's are not", () => {
  const entry = (manager: string, operation: string, field: string) => ({
    manager,
    operation,
    fieldsV1: { "f:data": { [field]: {} } },
  });
  const controller = entry("external-secrets", "Apply", "f:C");
  const managedFields = [
    entry("pulumi-kubernetes", "Update", "f:A"),
    entry("kubectl-edit", "Update", "f:B"),
    controller,
  ];
  const merged = { manager: "us", operation: "Apply", fieldsV1: { "f:data": { "f:A": {}, "f:B": {} } } };
  assert.deepEqual(takenOver({ metadata: { managedFields } }, "us"), [controller, merged]);
  assert.equal(takenOver({ metadata: { managedFields: [controller, merged] } }, "us"), undefined);
});

test("the state marks a Secret's contents, and kubectl's copy of them, as secret", () => {
  const annotations = { "kubectl.kubernetes.io/last-applied-configuration": "b25l" };
  const state = checkpointObject(inputs, { ...live, metadata: { name: "x", annotations } }, "us");
  const unmarked = JSON.stringify(state, (_key, value: unknown) => {
    const isMarked =
      typeof value === "object" && value !== null && "4dabf18193072939515e22adb298388d" in value;
    return isMarked ? "secret" : value;
  });
  assert.doesNotMatch(unmarked, /b25l/);
});

const kubeconfig = (server: string, token: string) =>
  stringify({
    "current-context": "one",
    clusters: [
      { name: "a", cluster: { server } },
      { name: "b", cluster: { server: "https://b" } },
    ],
    contexts: ["one", "two", "other"].map((name) => ({
      name,
      context: { cluster: name === "other" ? "b" : "a", user: "u" },
    })),
    users: [{ name: "u", user: { token } }],
  });

test("a provider is another one only where the active cluster is known and differs", () => {
  const old = { kubeconfig: kubeconfig("https://a", "x") };
  const cases: [PropertyMap, PropertyMap, string[]][] = [
    [old, { kubeconfig: kubeconfig("https://a", "y") }, []],
    [old, { ...old, context: "two" }, []],
    [old, { ...old, context: "other" }, ["context"]],
    [old, { ...old, cluster: "b" }, ["cluster"]],
    [old, { kubeconfig: kubeconfig("https://c", "x") }, ["kubeconfig"]],
    [old, {}, []],
    [{}, { context: "other" }, []],
    [old, { kubeconfig: UNKNOWN }, ["kubeconfig"]],
    [
      { ...old, clusterIdentifier: "prod" },
      { kubeconfig: kubeconfig("https://c", "x"), clusterIdentifier: "prod" },
      [],
    ],
    [{ ...old, clusterIdentifier: "prod" }, { ...old, clusterIdentifier: "dev" }, ["clusterIdentifier"]],
  ];
  for (const [olds, news, keys] of cases) {
    assert.deepEqual(kubernetesConfigRules.replacingKeys(olds, news), keys, JSON.stringify(news));
  }
});

test("a kubeconfig that can't be read is not quoted", () => {
  const bad = { kubeconfig: "users: [{ token: of-the-admin" };
  assert.throws(() => kubernetesConfigRules.replacingKeys(bad, bad), /^Error: failed to parse kubeconfig$/);
});

test("switches come from the inputs, and else from the environment", () => {
  const env = { PULUMI_K8S_ENABLE_SECRET_MUTABLE: "true" };
  assert.equal(settingsOf({}, env).secretMutable, true);
  assert.equal(settingsOf({ enableSecretMutable: "false" }, env).secretMutable, false);
});

test("programs without Kubernetes don't load its client", async () => {
  const factory = new URL("../../../scripts/lab/engine/deployment.ts", import.meta.url).href;
  const script = `
    const seen = [];
    require("node:module").registerHooks({
      resolve(specifier, context, next) { seen.push(specifier); return next(specifier, context); },
    });
    import(${JSON.stringify(factory)}).then(() => console.log(JSON.stringify(seen)));`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--no-warnings", "-e", script]);
  const seen = JSON.parse(stdout) as string[];
  assert.ok(seen.includes("./kubernetes/provider.ts"));
  assert.ok(!seen.includes("@kubernetes/client-node"));
});
