import type { V1ContainerState, V1Pod, V1PodCondition, V1PodStatus } from "@kubernetes/client-node";

/** What a kubelet knows about the one container that has a process. */
export interface ContainerReport {
  readonly state: V1ContainerState;
  readonly lastState?: V1ContainerState;
  readonly ready: boolean;
  readonly restartCount: number;
}

export function isReadyCondition({ type, status }: { type: string; status: string }): boolean {
  return type === "Ready" && status === "True";
}

/** The whole status that a kubelet would report for a pod. */
export function podStatus(pod: V1Pod, podIP: string, report: ContainerReport): V1PodStatus {
  const now = new Date();
  const condition = (type: string, holds: boolean): V1PodCondition => {
    const status = holds ? "True" : "False";
    const before = pod.status?.conditions?.find((known) => known.type === type);
    const lastTransitionTime = before?.status === status ? (before.lastTransitionTime ?? now) : now;
    const reason = holds ? {} : { reason: "ContainersNotReady" };
    return { type, status, lastTransitionTime, ...reason };
  };
  const [first, ...others] = pod.spec?.containers ?? [];
  const statusOf = (container: { name: string; image?: string }, { ready, ...rest }: ContainerReport) => ({
    name: container.name,
    image: container.image ?? "",
    imageID: "",
    ready,
    started: rest.state.running !== undefined,
    ...rest,
  });
  return {
    phase: report.state.running || report.restartCount > 0 ? "Running" : "Pending",
    hostIP: "127.0.0.1",
    podIP,
    podIPs: [{ ip: podIP }],
    startTime: pod.status?.startTime ?? now,
    conditions: [
      condition("PodScheduled", true),
      condition("Initialized", true),
      condition("ContainersReady", report.ready),
      condition("Ready", report.ready),
    ],
    containerStatuses: [
      ...(first ? [statusOf(first, report)] : []),
      // Other containers have no process: they are as the first one.
      ...others.map((container) => statusOf(container, report)),
    ],
  };
}
