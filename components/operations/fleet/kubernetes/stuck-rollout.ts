import { messageOf, RotationError } from "../../base/errors.ts";
import type { Cluster } from "./cluster.ts";
import { linesOf, readPodLog } from "./pod-log.ts";
import type { StuckReason } from "./pod-reasons.ts";
import type { RolloutStatus } from "./rollout-status.ts";
import { pendingReasons } from "./stuck-reason.ts";
import { type Workload, workloadText } from "./workload.ts";
import { isReady, type WorkloadPods } from "./workload-pods.ts";

/** One look at a roll-out. */
export interface Look {
  status: RolloutStatus;
  pods: WorkloadPods;
}

/** A roll-out that did not end, with the end of the log that shows why. */
export class Stuck {
  readonly error: RotationError;
  readonly podLogs: string[];

  constructor(error: RotationError, podLogs: string[]) {
    this.error = error;
    this.podLogs = podLogs;
  }
}

interface StuckContext {
  cluster: Cluster;
  workload: Workload;
  timeoutMs: number;
  redact: (text: string) => string;
}

/** Lines of a log that are shown. */
const tailLines = 10;

/** How far a roll-out is, in numbers. */
export function describeLook({ status: { wanted, updated }, pods: { fresh, old } }: Look): string {
  const ready = fresh.filter(isReady).length;
  const news = `${updated} of ${wanted} pods new${ready < updated ? `, ${ready} of them ready` : ""}`;
  return old.length > 0 ? `${news}, ${old.length} old left` : news;
}

/** Says why a roll-out has not ended in time, with the log of a pod that shows it. */
export async function stuckRollout(
  context: StuckContext,
  look: Look,
  known: readonly StuckReason[],
): Promise<Stuck> {
  const { cluster, workload, timeoutMs } = context;
  const reasons = known.length > 0 ? known : pendingReasons(workload, look.status, look.pods);
  const what = `${workloadText(workload)} is not rolled out after ${timeoutMs / 1000} s: ${describeLook(look)}`;
  const why = reasons.map(({ text }) => `; ${text}`).join("");
  const nextStep =
    reasons[0]?.nextStep ?? `see kubectl -n ${workload.namespace} describe ${workloadText(workload)}`;
  const error = new RotationError("ROLLOUT_STUCK", `target ${cluster.target}: ${what}${why}`, {
    nextStep: `${nextStep}; then run the same up again`,
  });
  return new Stuck(error, await logOf(context, reasons));
}

/** The last lines of the pod that has most to say. That a log can't be read must not hide why the roll-out sticks. */
async function logOf({ cluster, redact }: StuckContext, reasons: readonly StuckReason[]): Promise<string[]> {
  const place = reasons.find(({ log }) => log)?.log;
  if (!place) return [];
  try {
    const before = await readPodLog(cluster, place, { tailLines, previous: true }, 2_000);
    const log = before === "" ? await readPodLog(cluster, place, { tailLines }, 2_000) : before;
    return linesOf(log).slice(-tailLines).map(redact);
  } catch (error) {
    return [redact(messageOf(error))];
  }
}
