import type { Cluster } from "./cluster.ts";
import { linesOf, type PodLogPlace, readPodLog } from "./pod-log.ts";

export interface BootstrapCheck {
  found: boolean;
  /** The first line that matches, redacted. */
  line?: string;
  /** The last lines, redacted. */
  tail: string[];
}

/** How much of the beginning is read: that is where a start-up log is. */
const beginBytes = 256 * 1024;
/** How much of the end of a longer log is read. */
const endLines = 1_000;
const endBytes = 4 * 1024 * 1024;
const shownLines = 20;

/**
 * Looks for a line in the log of a pod's current container: in its first 256 kB, then in its last thousand lines,
 * because a node that rotates logs may have dropped the beginning. A log may lag behind its pod: the caller decides
 * whether to look again.
 *
 * @param pattern matched against each line
 * @throws {RotationError} any Kubernetes code: KUBERNETES_FORBIDDEN if `get pods/log` is not granted
 */
export async function readBootstrap(
  cluster: Cluster,
  pod: PodLogPlace,
  pattern: RegExp,
  redact: (text: string) => string,
): Promise<BootstrapCheck> {
  const begin = await readPodLog(cluster, pod, { limitBytes: beginBytes });
  const isWhole = Buffer.byteLength(begin) < beginBytes;
  const first = check(begin, pattern, redact);
  if (first.found || isWhole) return first;
  const end = await readPodLog(cluster, pod, { tailLines: endLines, limitBytes: endBytes });
  return check(end, pattern, redact);
}

function check(log: string, pattern: RegExp, redact: (text: string) => string): BootstrapCheck {
  const lines = linesOf(log);
  // Not test(): a pattern with the flag g would continue from its last match.
  const line = lines.find((one) => one.search(pattern) !== -1);
  const tail = lines.slice(-shownLines).map(redact);
  return line === undefined ? { found: false, tail } : { found: true, line: redact(line), tail };
}
