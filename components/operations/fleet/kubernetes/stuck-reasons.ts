import { notReady, type PodReason, type StuckReason, stillEnding, troubles } from "./pod-reasons.ts";
import type { RolloutStatus } from "./rollout-status.ts";
import { type Workload, workloadText } from "./workload.ts";
import type { WorkloadPods } from "./workload-pods.ts";

/** What keeps a roll-out from continuing, if waiting alone is unlikely to fix it. Pure. */
export function stuckReasons(
  workload: Workload,
  status: RolloutStatus,
  { fresh }: WorkloadPods,
): StuckReason[] {
  return [...grouped(fresh.flatMap(troubles)), ...workloadReasons(workload, status)];
}

/** What a roll-out was still waiting for when its time ran out. Pure. */
export function pendingReasons(
  workload: Workload,
  { wanted, updated }: RolloutStatus,
  { fresh, old }: WorkloadPods,
): StuckReason[] {
  const waiting = [...fresh.flatMap(notReady), ...old.flatMap(stillEnding)];
  const reasons = grouped(waiting);
  if (reasons.length > 0 || updated >= wanted) return reasons;
  const { namespace, name, kind } = workload;
  return [
    {
      key: "not-made",
      text: `${wanted - updated} of its pods were not replaced`,
      nextStep: `see its events (kubectl -n ${namespace} describe ${kind} ${name}): a quota or an admission webhook may be refusing the pods`,
    },
  ];
}

/** One reason for all pods that share it. */
function grouped(found: readonly PodReason[]): StuckReason[] {
  return [...Map.groupBy(found, ({ key }) => key).values()].flatMap((group) => {
    const [first] = group;
    if (!first) return [];
    const { pod, text, ...reason } = first;
    const others = group.length > 1 ? ` and ${group.length - 1} more` : "";
    return [{ ...reason, text: `pod ${pod}${others}: ${text}` }];
  });
}

function workloadReasons(workload: Workload, { obstacle, complaints }: RolloutStatus): StuckReason[] {
  const reasons = complaints.map(({ type, message }) =>
    type === "ReplicaFailure"
      ? {
          key: type,
          text: `pods can't be created: ${message}`,
          nextStep: "raise the quota, or fix what refuses the pods",
        }
      : { key: type, text: `its progress deadline has passed: ${message}`, nextStep: describeIt(workload) },
  );
  if (!obstacle) return reasons;
  return [{ key: obstacle.what, text: `it ${obstacle.what}`, nextStep: obstacle.nextStep }, ...reasons];
}

function describeIt(workload: Workload): string {
  return `see kubectl -n ${workload.namespace} describe ${workloadText(workload)}`;
}
