import type { V1ContainerStatus, V1Pod } from "@kubernetes/client-node";
import type { PodLogPlace } from "./pod-log.ts";
import { isReady } from "./workload-pods.ts";

/** Why a roll-out does not continue. */
export interface StuckReason {
  /** The same for every pod with this reason, and from one look to the next. */
  key: string;
  text: string;
  nextStep: string;
  /** The log that says more. */
  log?: PodLogPlace;
}

/** Why a pod of the newest template does not serve, or one of the previous template still may. */
export type PodReason = StuckReason & { pod: string };

/** What keeps a pod from running, if waiting alone is unlikely to fix it. */
export function troubles(pod: V1Pod): PodReason[] {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  const containers = [...initContainerStatuses, ...containerStatuses];
  return [...unscheduled(pod), ...containers.flatMap((container) => containerReason(pod, container))];
}

function unscheduled({ metadata, status }: V1Pod): PodReason[] {
  const scheduled = status?.conditions?.find(({ type }) => type === "PodScheduled");
  if (scheduled?.status !== "False") return [];
  return [
    {
      key: `unscheduled ${scheduled.reason}`,
      pod: metadata?.name ?? "",
      text: `${scheduled.reason ?? "Unschedulable"}: ${scheduled.message ?? "no node accepts it"}`,
      nextStep: "make room in the cluster for one more pod, or change what the pod requires of a node",
    },
  ];
}

const imageTrouble = /^(ErrImagePull|ImagePullBackOff|ErrImageNeverPull|InvalidImageName)$/;
const configTrouble = /^(CreateContainerConfigError|CreateContainerError|RunContainerError)$/;

function containerReason({ metadata }: V1Pod, container: V1ContainerStatus): PodReason[] {
  const { namespace = "", name: pod = "" } = metadata ?? {};
  const { name, image, state } = container;
  const { reason = "", message = "" } = state?.waiting ?? {};
  if (imageTrouble.test(reason)) {
    const nextStep = "make the image available to the nodes, or roll back to one that is";
    return [{ key: `image ${image}`, pod, text: `image ${image} can't be pulled (${reason})`, nextStep }];
  }
  if (configTrouble.test(reason)) {
    const nextStep = "create what its container refers to, such as a Secret or a ConfigMap";
    return [{ key: `config ${reason}`, pod, text: `container ${name}: ${reason}: ${message}`, nextStep }];
  }
  return crashReason({ namespace, name: pod, container: name }, container);
}

function crashReason(
  log: PodLogPlace,
  { name, ready, state, lastState, restartCount }: V1ContainerStatus,
): PodReason[] {
  const end = state?.terminated ?? lastState?.terminated;
  // Between two crashes it runs for a short time.
  const crashed = restartCount > 0 && !ready && end !== undefined && end.exitCode !== 0;
  if (state?.waiting?.reason !== "CrashLoopBackOff" && !crashed) return [];
  const how = `${end?.reason ? `${end.reason}, ` : ""}exit code ${end?.exitCode ?? "unknown"}`;
  return [
    {
      key: `crash ${name} ${how}`,
      pod: log.name,
      text: `container ${name} ends as soon as it has started (CrashLoopBackOff; ${how})`,
      nextStep: "see in its log why it ends, then fix that or roll back",
      log,
    },
  ];
}

/** A container that runs but is not ready. */
export function notReady(pod: V1Pod): PodReason[] {
  const { namespace = "", name = "", deletionTimestamp } = pod.metadata ?? {};
  const container = pod.status?.containerStatuses?.find(({ ready, state }) => !ready && state?.running);
  if (deletionTimestamp || isReady(pod) || !container) return [];
  return [
    {
      key: "not-ready",
      pod: name,
      text: `container ${container.name} runs and is not ready: its readiness probe fails`,
      nextStep: "see in its log why it is not ready, then fix that or roll back",
      log: { namespace, name, container: container.name },
    },
  ];
}

/** A pod that was told to end and has not ended. */
export function stillEnding({ metadata, spec }: V1Pod): PodReason[] {
  const { name = "", deletionTimestamp } = metadata ?? {};
  if (!deletionTimestamp) return [];
  return [
    {
      key: "ending",
      pod: name,
      text: `is from the previous template, was told to end and has not ended (node ${spec?.nodeName})`,
      nextStep: "check whether its node is alive and which finalizers it has; while it runs it may serve",
    },
  ];
}
