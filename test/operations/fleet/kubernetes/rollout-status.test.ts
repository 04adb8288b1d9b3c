import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type {
  V1ContainerStatus,
  V1DaemonSetStatus,
  V1DeploymentStatus,
  V1Pod,
  V1PodTemplateSpec,
  V1StatefulSetStatus,
} from "@kubernetes/client-node";
import { rolloutProgress } from "#operations/fleet/kubernetes/rollout-look";
import {
  daemonSetStatus,
  deploymentStatus,
  type RolloutStatus,
  restartedAtKey,
  statefulSetStatus,
} from "#operations/fleet/kubernetes/rollout-status";
import { pendingReasons, stuckReasons } from "#operations/fleet/kubernetes/stuck-reasons";

const restartedAt = "2026-11-23T02:00:00.000Z";
const template: V1PodTemplateSpec = { metadata: { annotations: { [restartedAtKey]: restartedAt } } };
const metadata = { generation: 2 };
const selector = { matchLabels: { app: "shop-api" } };

suite("a Deployment", () => {
  const over = { observedGeneration: 2, replicas: 3, updatedReplicas: 3, availableReplicas: 3 };
  const look = (status: V1DeploymentStatus) =>
    deploymentStatus({ metadata, spec: { replicas: 3, selector, template }, status });

  test("is rolled out when every pod is new and available and no old one is counted", () => {
    assert.deepEqual(look(over), { wanted: 3, updated: 3, settled: true, restartedAt, complaints: [] });
  });

  for (const [what, change] of [
    ["its newest template was not seen yet", { observedGeneration: 1 }],
    ["a pod is of the former template", { updatedReplicas: 2 }],
    ["an old pod is left beside the new ones", { replicas: 4 }],
    ["a new pod is not available", { availableReplicas: 2 }],
  ] as const) {
    test(`is not rolled out while ${what}`, () => assert.equal(look({ ...over, ...change }).settled, false));
  }

  test("has no new pods before its newest template was seen", () => {
    assert.equal(look({ ...over, observedGeneration: 1 }).updated, 0);
  });

  test("complains as its conditions do", () => {
    const conditions = [
      { type: "Available", status: "True" },
      { type: "ReplicaFailure", status: "True", reason: "FailedCreate", message: "exceeded quota: q" },
      { type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded", message: "too slow" },
    ];
    assert.deepEqual(look({ ...over, conditions }).complaints, [
      { type: "ReplicaFailure", message: "exceeded quota: q" },
      { type: "ProgressDeadlineExceeded", message: "too slow" },
    ]);
  });
});

suite("a StatefulSet", () => {
  const over = {
    observedGeneration: 2,
    replicas: 2,
    readyReplicas: 2,
    availableReplicas: 2,
    updatedReplicas: 2,
    currentRevision: "b",
    updateRevision: "b",
  };
  const look = (status: V1StatefulSetStatus, partition = 0) =>
    statefulSetStatus({
      metadata,
      spec: {
        replicas: 2,
        selector,
        template,
        serviceName: "a",
        updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition } },
      },
      status,
    });

  test("is rolled out when its revision is the newest and every pod is available", () => {
    assert.equal(look(over).settled, true);
    assert.equal(look(over).obstacle, undefined);
  });

  for (const [what, change] of [
    ["its newest template was not seen yet", { observedGeneration: 1 }],
    ["a pod is of the former revision", { currentRevision: "a" }],
    ["a pod is not ready", { readyReplicas: 1 }],
    ["a pod is not available", { availableReplicas: 1 }],
  ] as const) {
    test(`is not rolled out while ${what}`, () => assert.equal(look({ ...over, ...change }).settled, false));
  }

  test("that keeps pods below a partition can't be restarted", () => {
    assert.match(look(over, 1).obstacle?.what ?? "", /below number 1/);
    assert.match(look(over, 1).obstacle?.nextStep ?? "", /partition to 0/);
  });
});

suite("a DaemonSet", () => {
  const over = {
    observedGeneration: 2,
    currentNumberScheduled: 3,
    numberMisscheduled: 0,
    numberReady: 3,
    desiredNumberScheduled: 3,
    updatedNumberScheduled: 3,
    numberAvailable: 3,
  };
  const look = (status: V1DaemonSetStatus) =>
    daemonSetStatus({ metadata, spec: { selector, template }, status });

  test("is rolled out when each node has a new pod that is available", () => {
    assert.equal(look(over).settled, true);
  });

  for (const [what, change] of [
    ["its newest template was not seen yet", { observedGeneration: 1 }],
    ["a node has an old pod", { updatedNumberScheduled: 2 }],
    ["a pod is not available", { numberAvailable: 2 }],
  ] as const) {
    test(`is not rolled out while ${what}`, () => assert.equal(look({ ...over, ...change }).settled, false));
  }
});

suite("why a roll-out is stuck", () => {
  const workload = { kind: "statefulset", namespace: "shop", name: "shop-api" } as const;
  const status: RolloutStatus = { wanted: 3, updated: 3, settled: false, complaints: [] };

  function pod(name: string, container: Partial<V1ContainerStatus>, deletionTimestamp?: Date): V1Pod {
    const image = "shop-api:2";
    const one = { name: "api", image, imageID: "", ready: false, restartCount: 0, ...container };
    return {
      metadata: { namespace: "shop", name, ...(deletionTimestamp ? { deletionTimestamp } : {}) },
      status: { containerStatuses: [one] },
    };
  }

  const waiting = (reason: string, message = "") => ({ state: { waiting: { reason, message } } });
  const texts = (fresh: V1Pod[], change: Partial<RolloutStatus> = {}) =>
    stuckReasons(workload, { ...status, ...change }, { fresh, old: [] }).map(({ text }) => text);

  test("is given once for all pods with the same reason", () => {
    const pods = [pod("a", waiting("ErrImagePull")), pod("b", waiting("ImagePullBackOff"))];
    assert.deepEqual(texts(pods), ["pod a and 1 more: image shop-api:2 can't be pulled (ErrImagePull)"]);
  });

  test("is the exit code of a container that keeps ending, also between two attempts", () => {
    const terminated = { exitCode: 137, reason: "OOMKilled" };
    const expected =
      "pod a: container api ends as soon as it has started (CrashLoopBackOff; OOMKilled, exit code 137)";
    const backOff = { ...waiting("CrashLoopBackOff"), lastState: { terminated }, restartCount: 1 };
    assert.deepEqual(texts([pod("a", backOff)]), [expected]);
    assert.deepEqual(texts([pod("a", { state: { terminated }, restartCount: 1 })]), [expected]);
  });

  test("is a container that can't be configured, in its node's words", () => {
    const message = 'secret "shop-api-refresh" not found';
    assert.deepEqual(texts([pod("a", waiting("CreateContainerConfigError", message))]), [
      `pod a: container api: CreateContainerConfigError: ${message}`,
    ]);
  });

  test("is a pod that no node accepts, in the scheduler's words", () => {
    const message = "0/3 nodes are available: 3 Insufficient cpu.";
    const condition = { type: "PodScheduled", status: "False", reason: "Unschedulable", message };
    const pending: V1Pod = { metadata: { name: "a" }, status: { conditions: [condition] } };
    assert.deepEqual(texts([pending]), [`pod a: Unschedulable: ${message}`]);
  });

  test("is not that containers are being created", () => {
    assert.deepEqual(texts([pod("a", waiting("ContainerCreating"))]), []);
  });

  test("is a workload that was paused meanwhile, or whose progress deadline has passed", () => {
    const obstacle = { what: "is paused", nextStep: "resume it" };
    const complaints = [{ type: "ProgressDeadlineExceeded", message: "too slow" } as const];
    assert.deepEqual(texts([], { obstacle, complaints }), [
      "it is paused",
      "its progress deadline has passed: too slow",
    ]);
  });

  test("is, at the end, where to look for pods that were not created", () => {
    const [reason] = pendingReasons(workload, { ...status, updated: 1 }, { fresh: [], old: [] });
    assert.equal(reason?.text, "2 of its pods were not replaced");
    assert.match(reason?.nextStep ?? "", /kubectl -n shop describe statefulset shop-api/);
  });

  test("is, at the end, a pod that is not ready, or an old one that does not end", () => {
    const running = { state: { running: {} } };
    const pods = { fresh: [pod("new", running)], old: [pod("old", running, new Date())] };
    const found = pendingReasons(workload, status, pods).map(({ key, log }) => [key, log?.name]);
    assert.deepEqual(found, [
      ["not-ready", "new"],
      ["ending", undefined],
    ]);
  });
});

suite("progress", () => {
  const reason = { key: "image a", text: "image a can't be pulled", nextStep: "push it" };

  test("is shown when the numbers change, at most once a second", () => {
    const lines: string[] = [];
    let now = 0;
    const show = rolloutProgress(
      "deployment/a",
      (line) => lines.push(line),
      () => now,
    );
    for (const [at, numbers] of [
      [0, "0 of 2 pods new"],
      [400, "1 of 2 pods new"],
      [1_000, "1 of 2 pods new"],
      [5_000, "1 of 2 pods new"],
    ] as const) {
      now = at;
      show(numbers, []);
    }
    assert.deepEqual(lines, ["deployment/a: 0 of 2 pods new", "deployment/a: 1 of 2 pods new"]);
  });

  test("shows a reason at once, and once", () => {
    const lines: string[] = [];
    const show = rolloutProgress(
      "deployment/a",
      (line) => lines.push(line),
      () => 0,
    );
    show("0 of 2 pods new", []);
    show("0 of 2 pods new", [reason]);
    show("0 of 2 pods new", [reason]);
    assert.deepEqual(lines, ["deployment/a: 0 of 2 pods new", "deployment/a: image a can't be pulled"]);
  });
});
