import { messageOf } from "#operations/base/errors";
import type { ConfiguredTarget } from "#operations/config/target-shape";
import { openTarget } from "#operations/fleet/targets";

/** The instances of a target, and which of them can be reached now. */
export interface TargetReach {
  name: string;
  kind: ConfiguredTarget["kind"];
  instances: number;
  /** Names of instances that accept no connection, and of pods that are not ready. */
  unreachable: string[];
  /** Why the target can't be inspected. */
  error?: string;
}

const patienceMs = 2_000;

/**
 * Looks for the instances of each target without sending a request to any of them: whether the port of a URL accepts a
 * connection, and which pods are ready.
 */
export function reachTargets(targets: readonly ConfiguredTarget[]): Promise<TargetReach[]> {
  return Promise.all(targets.map(reachTarget));
}

async function reachTarget(target: ConfiguredTarget): Promise<TargetReach> {
  const { name, kind } = target;
  try {
    const opened = await openTarget(target);
    return { name, kind, ...(await opened.reach(patienceMs)) };
  } catch (error) {
    return { name, kind, instances: 0, unreachable: [], error: messageOf(error) };
  }
}
