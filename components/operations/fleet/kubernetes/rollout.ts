import { setTimeout as delay } from "node:timers/promises";
import { messageOf, RotationError } from "../../base/errors.ts";
import { pastRefusals } from "./call-cluster.ts";
import type { Cluster } from "./cluster.ts";
import { describeLook, isOver, type Look, rolloutProgress } from "./rollout-look.ts";
import type { RolloutStatus } from "./rollout-status.ts";
import { stuckReasons } from "./stuck-reasons.ts";
import { Stuck, stuckRollout } from "./stuck-rollout.ts";
import { type Workload, workloadText } from "./workload.ts";
import { patchWorkload, readWorkload } from "./workload-calls.ts";
import { listWorkloadPods } from "./workload-pods.ts";

export interface RolloutOptions {
  /** When the change was complete that the restart has to put into effect, ISO 8601 UTC. */
  after: string;
  /** Milliseconds until every pod must be replaced. */
  timeoutMs: number;
  /** Removes secrets from what pods and the API server say. */
  redact: (text: string) => string;
  /** Shows a line to the user. */
  progress: (line: string) => void;
  /** Label selector of the target's pods. */
  selector: string;
}

/** The result of a rolling restart. Holds none of the secrets that `redact` knows. */
export interface RolloutResult {
  target: string;
  /** Such as `deployment/shop-api`. */
  workload: string;
  outcome: "done" | "failed";
  /** ISO 8601 UTC. */
  startedAt: string;
  /** ISO 8601 UTC. */
  finishedAt: string;
  /** Why it failed: a RotationError's message. */
  reason?: string;
  /** The end of the log of a pod that shows why. */
  podLogs?: string[];
}

interface Context extends RolloutOptions {
  cluster: Cluster;
  workload: Workload;
  deadline: number;
}

const pollMs = 400;

/**
 * Restarts a workload as `kubectl rollout restart` does, and waits as `kubectl rollout status` does, and then until the
 * last old pod is gone: one that is ending may still serve. If a restart that began after `options.after` is still
 * rolling out, it waits for that one. Never throws: an error is a result with the code WORKLOAD_NOT_RESTARTABLE,
 * ROLLOUT_STUCK or a Kubernetes code.
 */
export async function restartWorkload(
  cluster: Cluster,
  workload: Workload,
  options: RolloutOptions,
): Promise<RolloutResult> {
  const base = {
    target: cluster.target,
    workload: workloadText(workload),
    startedAt: new Date().toISOString(),
  };
  const end = (outcome: RolloutResult["outcome"]) => ({ outcome, finishedAt: new Date().toISOString() });
  try {
    const deadline = Date.now() + options.timeoutMs;
    await restart({ ...options, cluster, workload, deadline });
    return { ...base, ...end("done") };
  } catch (error) {
    const { error: cause, podLogs } = error instanceof Stuck ? error : new Stuck(asRotationError(error), []);
    const reason = options.redact(cause.message);
    return { ...base, ...end("failed"), reason, ...(podLogs.length > 0 ? { podLogs } : {}) };
  }
}

async function restart(context: Context): Promise<void> {
  const { progress, redact, workload } = context;
  const show = rolloutProgress(workloadText(workload), (line) => progress(redact(line)));
  const restartedAt = await beginRestart(context);
  for (;;) {
    const look = await pastRefusals(() => lookAt(context));
    const { status, pods } = look;
    requireOurs(context, status, restartedAt);
    const reasons = stuckReasons(workload, status, pods);
    show(describeLook(look), reasons);
    if (isOver(look)) return progress(`${workloadText(workload)}: rolled out`);
    if (Date.now() >= context.deadline) throw await stuckRollout(context, look, reasons);
    await delay(pollMs);
  }
}

/** @returns when the restart that has to be waited for began */
async function beginRestart(context: Context): Promise<string> {
  const { cluster, workload, after, progress } = context;
  const look = await lookAt(context);
  const { obstacle, restartedAt } = look.status;
  if (obstacle) throw notRestartable(context, obstacle);
  if (isLater(restartedAt, after) && !isOver(look)) {
    progress(`${workloadText(workload)}: its restart of ${restartedAt} is still rolling out; waiting for it`);
    return restartedAt;
  }
  const now = new Date().toISOString();
  await patchWorkload(cluster, workload, now, patience(context));
  return now;
}

async function lookAt(context: Context): Promise<Look> {
  const { cluster, workload, selector } = context;
  const status = await readWorkload(cluster, workload, patience(context));
  const query = { selector, restartedAt: status.restartedAt };
  const pods = await listWorkloadPods(cluster, workload, query, patience(context));
  return { status, pods };
}

/** The API server may be away until the deadline, and for a moment beyond it: the last look must be a complete one. */
function patience({ deadline }: Context): number {
  return Math.max(deadline - Date.now(), 1_000);
}

function isLater(one: string | undefined, other: string): one is string {
  return one !== undefined && Date.parse(one) >= Date.parse(other);
}

/** Whatever resets the pod template brings the previous pods back, which were never restarted. */
function requireOurs({ cluster, workload }: Context, status: RolloutStatus, restartedAt: string): void {
  if (isLater(status.restartedAt, restartedAt)) return;
  throw new RotationError(
    "ROLLOUT_STUCK",
    `target ${cluster.target}: someone has reverted the restart of ${workloadText(workload)} while it was rolling out`,
    {
      nextStep:
        "stop roll-backs and drift correction of it (for the annotation kubectl.kubernetes.io/restartedAt), then run the same up again",
    },
  );
}

function notRestartable({ cluster, workload }: Context, obstacle: { what: string; nextStep: string }) {
  const message = `target ${cluster.target}: ${workloadText(workload)} ${obstacle.what}`;
  return new RotationError("WORKLOAD_NOT_RESTARTABLE", message, { nextStep: obstacle.nextStep });
}

function asRotationError(error: unknown): RotationError {
  if (error instanceof RotationError) return error;
  return new RotationError("ROLLOUT_STUCK", messageOf(error), { nextStep: "run the same up again" });
}
