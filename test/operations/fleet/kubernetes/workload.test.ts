import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { V1OwnerReference, V1Pod } from "@kubernetes/client-node";
import { parseWorkload, workloadOfPod } from "#operations/fleet/kubernetes/workload";

suite("parseWorkload", () => {
  for (const [text, kind] of [
    ["deployment/shop-api", "deployment"],
    ["deployments/shop-api", "deployment"],
    ["deploy/shop-api", "deployment"],
    ["deployments.apps/shop-api", "deployment"],
    ["deployment.v1.apps/shop-api", "deployment"],
    ["statefulset/shop-api", "statefulset"],
    ["statefulsets/shop-api", "statefulset"],
    ["sts/shop-api", "statefulset"],
    ["daemonset/shop-api", "daemonset"],
    ["daemonsets/shop-api", "daemonset"],
    ["ds/shop-api", "daemonset"],
  ] as const) {
    test(`${text} is a ${kind}`, () => {
      assert.deepEqual(parseWorkload(text, "shop"), { kind, namespace: "shop", name: "shop-api" });
    });
  }

  const wrong = [
    "shop-api",
    "pod/shop-api",
    "deployment/",
    "deployment/Shop",
    "deployment/a/b",
    "deployment/-a",
  ];
  for (const text of [...wrong, "constructor/a", "deployment/a b", "rollouts.argoproj.io/a", "", "/a"]) {
    test(`${JSON.stringify(text)} is none`, () => assert.equal(parseWorkload(text, "shop"), undefined));
  }
});

suite("the workload of a pod", () => {
  function pod(owner: Partial<V1OwnerReference>, labels: Record<string, string> = {}): V1Pod {
    const reference = { apiVersion: "apps/v1", kind: "", name: "", uid: "1", controller: true, ...owner };
    return { metadata: { name: "pod", labels, ownerReferences: [reference] } };
  }

  const hash = { "pod-template-hash": "7d4f" };

  test("is the Deployment whose name its ReplicaSet has before the template's hash", () => {
    const owner = { kind: "ReplicaSet", name: "shop-api-7d4f" };
    assert.equal(workloadOfPod(pod(owner, hash)), "deployment/shop-api");
  });

  test("is its StatefulSet or DaemonSet", () => {
    assert.equal(workloadOfPod(pod({ kind: "StatefulSet", name: "shop-api" })), "statefulset/shop-api");
    assert.equal(workloadOfPod(pod({ kind: "DaemonSet", name: "shop-api" })), "daemonset/shop-api");
  });

  for (const [what, found] of [
    ["a pod on its own", { metadata: { name: "pod" } }],
    ["a ReplicaSet on its own", pod({ kind: "ReplicaSet", name: "shop-api" })],
    ["a ReplicaSet that is not named after the hash", pod({ kind: "ReplicaSet", name: "shop-api-1" }, hash)],
    ["a Job", pod({ apiVersion: "batch/v1", kind: "Job", name: "shop-api" })],
    [
      "another maker's StatefulSet",
      pod({ apiVersion: "apps.kruise.io/v1beta1", kind: "StatefulSet", name: "a" }),
    ],
    ["an owner that does not control it", pod({ kind: "DaemonSet", name: "a", controller: false })],
  ] as const) {
    test(`is unknown for ${what}`, () => assert.equal(workloadOfPod(found), undefined));
  }
});
