import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { CoreV1Api, PatchStrategy, setHeaderOptions, type V1PolicyRule } from "@kubernetes/client-node";
import { type Cluster, openCluster } from "#operations/fleet/kubernetes/cluster";
import { type Action, forbidden } from "#operations/fleet/kubernetes/cluster-errors";
import { missingRights, resourceAttributes, rightsFor } from "#operations/fleet/kubernetes/permissions";
import { type LabKubernetes, startKubernetes } from "../../../../scripts/lab/kubernetes/kubernetes.ts";
import { clientConfig, noCluster, until } from "../../../lab/kubernetes/cluster.ts";
import { grant, shippedGroup, shippedRole } from "./shipped-role.ts";

const target = {
  namespace: "shop",
  transport: "port-forward",
  workloads: ["deployment/shop-api"],
} as const;
const example = { ...target, workloads: [...target.workloads] };
const secretName = "shop-api-refresh";

/** One action as one line, in the order in which RBAC writes it. */
const lineOf = ({
  group,
  resource,
  name = "*",
  verb,
}: Record<"group" | "resource" | "verb", string> & { name?: string }) =>
  `${group}/${resource} ${name} ${verb}`;

function grantedBy(rules: readonly V1PolicyRule[]): string[] {
  return rules.flatMap(({ apiGroups = [], resources = [], resourceNames = ["*"], verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        resourceNames.flatMap((name) => verbs.map((verb) => lineOf({ group, resource, name, verb }))),
      ),
    ),
  );
}

function asked(actions: readonly Action[]): string[] {
  return actions.map((action) => {
    const { group } = resourceAttributes(action);
    const { resource, verb, name } = action;
    return lineOf({ group, resource, verb, ...(name === undefined ? {} : { name }) });
  });
}

describe("what the program needs", () => {
  test("is exactly what the shipped Role grants, in the namespace that it is for", async () => {
    const { role, binding } = await shippedRole();
    assert.deepEqual(grantedBy(role.rules).sort(), asked(rightsFor(example, secretName)).sort());
    assert.equal(role.metadata?.namespace, example.namespace);
    assert.equal(binding.metadata?.namespace, example.namespace);
    assert.equal(binding.roleRef.name, role.metadata?.name);
    assert.equal(binding.subjects?.[0]?.name, shippedGroup);
  });

  test("is no port-forward if pods are reached by their IP, and no Secret if there is none", () => {
    const lines = asked(rightsFor({ ...example, transport: "pod-ip" })).join("\n");
    assert.doesNotMatch(lines, /portforward|secrets/);
  });

  test("is each listed workload by name, whatever its spelling", () => {
    const workloads = ["deploy/a", "sts/b", "daemonsets/c"];
    const lines = asked(rightsFor({ ...example, workloads }));
    assert.deepEqual(
      lines.filter((line) => line.startsWith("apps/")),
      ["deployments a", "statefulsets b", "daemonsets c"].flatMap((one) => [
        `apps/${one} get`,
        `apps/${one} patch`,
      ]),
    );
  });
});

describe("a user with the shipped Role", { skip: await noCluster() }, () => {
  let kubernetes: LabKubernetes;
  let namespace: string;
  let cluster: Cluster;
  let rules: V1PolicyRule[];
  let actions: Action[];

  before(async () => {
    kubernetes = await startKubernetes({ onProgress: console.error });
    namespace = await kubernetes.createNamespace();
    const { kubeconfigPath } = await kubernetes.kubeconfigFor({ user: "alice", groups: [shippedGroup] });
    cluster = await openCluster({ name: "shop", kubeconfig: kubeconfigPath });
    rules = (await shippedRole()).role.rules;
    actions = rightsFor({ ...example, namespace }, secretName);
  });
  after(() => kubernetes?.stop());

  /** Waits until exactly these are missing: a changed Role takes the API server a moment. */
  const missingBecomes = (expected: readonly string[]) =>
    until(async () => {
      const missing = asked(await missingRights(cluster, actions));
      return missing.join("\n") === expected.join("\n");
    });

  test("lacks every right before it is bound, and none after", async () => {
    assert.deepEqual(await missingRights(cluster, actions), actions);
    await grant(kubernetes, namespace, rules);
    await missingBecomes([]);
  });

  test("lacks exactly the right that is removed from the Role", async () => {
    for (const [index, rule] of rules.entries()) {
      for (const verb of rule.verbs) {
        const less = { ...rule, verbs: rule.verbs.filter((one) => one !== verb) };
        const left = rules.with(index, less).filter(({ verbs }) => verbs.length > 0);
        await grant(kubernetes, namespace, left);
        await missingBecomes(grantedBy([{ ...rule, verbs: [verb] }]));
      }
    }
    await grant(kubernetes, namespace, rules);
    await missingBecomes([]);
  });

  test("lacks the rights for every other workload and Secret, and one message names them all", async () => {
    const workloads = ["deployment/shop-api", "deployment/cart-api"];
    const missing = await missingRights(cluster, rightsFor({ ...example, namespace, workloads }, "other"));
    const { code, message } = forbidden("shop", missing);
    assert.equal(code, "KUBERNETES_FORBIDDEN");
    for (const what of ["get deployments cart-api", "patch deployments cart-api", "create secrets other"])
      assert.ok(message.includes(what), message);
    assert.doesNotMatch(message, /shop-api|pods/);
  });

  test("may create the one Secret by server-side apply, and no other", async () => {
    const { kubeconfigPath } = await kubernetes.kubeconfigFor({ user: "bob", groups: [shippedGroup] });
    const core = clientConfig(kubeconfigPath).makeApiClient(CoreV1Api);
    const apply = (name: string) =>
      core.patchNamespacedSecret(
        {
          name,
          namespace,
          fieldManager: "test",
          body: { apiVersion: "v1", kind: "Secret", metadata: { name }, data: { A: "QQ==" } },
        },
        setHeaderOptions("Content-Type", PatchStrategy.ServerSideApply),
      );
    assert.equal((await apply(secretName)).metadata?.name, secretName);
    await assert.rejects(apply("other"), { code: 403 });
  });
});
