import type { V1DaemonSet, V1Deployment, V1PodTemplateSpec, V1StatefulSet } from "@kubernetes/client-node";

/** The annotation of the pod template that `kubectl rollout restart` changes. Every pod inherits it from its template. */
export const restartedAtKey = "kubectl.kubernetes.io/restartedAt";

/** Why a restart would not replace every pod, and what to do about it. */
export interface Obstacle {
  what: string;
  nextStep: string;
}

/** What a workload's status says about its roll-out. */
export interface RolloutStatus {
  /** How many pods there should be. */
  wanted: number;
  /** How many pods are from the newest template. */
  updated: number;
  /** Whether its controller has replaced every pod, and all are available. Old pods may still be ending. */
  settled: boolean;
  /** When the newest template was restarted, according to its annotation. */
  restartedAt?: string;
  obstacle?: Obstacle;
  /** Conditions that report a problem. */
  complaints: { type: "ReplicaFailure" | "ProgressDeadlineExceeded"; message: string }[];
}

export function deploymentStatus({ metadata, spec, status = {} }: V1Deployment): RolloutStatus {
  const wanted = spec?.replicas ?? 1;
  // Numbers from before the controller saw the newest template are about the one before.
  const observed = (status.observedGeneration ?? 0) >= (metadata?.generation ?? 0);
  const updated = observed ? (status.updatedReplicas ?? 0) : 0;
  const oldLeft = (status.replicas ?? 0) > updated;
  const settled = observed && updated >= wanted && !oldLeft && (status.availableReplicas ?? 0) >= wanted;
  return {
    ...common(spec?.template),
    wanted,
    updated,
    settled,
    complaints: observed ? complaintsOf(status) : [],
    ...(spec?.paused ? { obstacle: paused } : {}),
  };
}

export function statefulSetStatus({ metadata, spec, status }: V1StatefulSet): RolloutStatus {
  const wanted = spec?.replicas ?? 1;
  const observed = (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0);
  const ready = Math.min(status?.readyReplicas ?? 0, status?.availableReplicas ?? 0);
  const settled = observed && ready >= wanted && status?.updateRevision === status?.currentRevision;
  const obstacle = statefulSetObstacle(spec?.updateStrategy);
  return {
    ...common(spec?.template),
    wanted,
    updated: observed ? (status?.updatedReplicas ?? 0) : 0,
    settled,
    ...(obstacle ? { obstacle } : {}),
  };
}

export function daemonSetStatus({ metadata, spec, status }: V1DaemonSet): RolloutStatus {
  const wanted = status?.desiredNumberScheduled ?? 0;
  const observed = (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0);
  const updated = observed ? (status?.updatedNumberScheduled ?? 0) : 0;
  const settled = observed && updated >= wanted && (status?.numberAvailable ?? 0) >= wanted;
  return {
    ...common(spec?.template),
    wanted,
    updated,
    settled,
    ...(spec?.updateStrategy?.type === "OnDelete" ? { obstacle: onDelete } : {}),
  };
}

function common(template: V1PodTemplateSpec | undefined): Pick<RolloutStatus, "restartedAt" | "complaints"> {
  const restartedAt = template?.metadata?.annotations?.[restartedAtKey];
  return { complaints: [], ...(restartedAt === undefined ? {} : { restartedAt }) };
}

function complaintsOf({ conditions = [] }: NonNullable<V1Deployment["status"]>): RolloutStatus["complaints"] {
  return conditions.flatMap(({ type, status, reason, message = "" }): RolloutStatus["complaints"] => {
    if (type === "ReplicaFailure" && status === "True") return [{ type, message }];
    return reason === "ProgressDeadlineExceeded" ? [{ type: reason, message }] : [];
  });
}

const paused: Obstacle = {
  what: "is paused",
  nextStep: "resume it with kubectl rollout resume, then run the same up again",
};

const onDelete: Obstacle = {
  what: "has the update strategy OnDelete, so its pods stay until someone deletes them",
  nextStep:
    "set its update strategy to RollingUpdate, or delete its pods by hand; then run the same up again",
};

function statefulSetObstacle(
  strategy: NonNullable<V1StatefulSet["spec"]>["updateStrategy"],
): Obstacle | undefined {
  if (strategy?.type === "OnDelete") return onDelete;
  const partition = strategy?.rollingUpdate?.partition ?? 0;
  if (partition === 0) return undefined;
  return {
    what: `has an update partition, so its pods below number ${partition} stay as they are`,
    nextStep: "set spec.updateStrategy.rollingUpdate.partition to 0, then run the same up again",
  };
}
