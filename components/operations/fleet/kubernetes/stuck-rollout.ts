import { messageOf, RotationError } from "../../base/errors.ts";
import type { Cluster } from "./cluster.ts";
import { linesOf, readPodLog } from "./pod-log.ts";
import type { StuckReason } from "./pod-reasons.ts";
import { describeLook, type Look } from "./rollout-look.ts";
import { pendingReasons } from "./stuck-reasons.ts";
import { type Workload, workloadText } from "./workload.ts";

/** A roll-out that did not finish, with the end of the log that shows why. */
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

/** How many lines of a log are shown. */
const tailLines = 10;

/** Says why a roll-out has not finished in time, with the log of a pod that shows it. */
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

/** The last lines of the log of the pod named first. That a log can't be read must not hide why the roll-out is stuck. */
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
