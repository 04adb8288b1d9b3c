import type { Cluster } from "./cluster.ts";
import { linesOf, type PodLogPlace, readPodLog } from "./pod-log.ts";

export interface BootstrapCheck {
  found: boolean;
  /** The first line that matches, redacted. */
  line?: string;
  /** The last lines, redacted. */
  tail: string[];
}

/** A start-up log is at the beginning. */
const beginBytes = 256 * 1024;
/** What is looked at of a log that is longer: its end, too. */
const endLines = 1_000;
const endBytes = 4 * 1024 * 1024;
const shownLines = 20;

/**
 * Looks for a line in the log of a pod's present container: in its first 256 kB, then in its last thousand lines. A
 * node that rotates logs may have forgotten the beginning. A log may lag behind its pod: whether to look again is the
 * caller's to decide.
 *
 * @param pattern matched against each line
 * @throws {RotationError} any Kubernetes code: KUBERNETES_FORBIDDEN where `get pods/log` is not granted
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
  // Not test(): a pattern with the flag g would go on from its last match.
  const line = lines.find((one) => one.search(pattern) !== -1);
  const tail = lines.slice(-shownLines).map(redact);
  return line === undefined ? { found: false, tail } : { found: true, line: redact(line), tail };
}
