import type { RestartSettings } from "../fleet/restart.ts";
import type { TargetInspection } from "../fleet/target-kind.ts";
import { openTargets, type Target } from "../fleet/targets.ts";

export type { TargetInspection } from "../fleet/target-kind.ts";

/** Looks, without changing anything, whether each target can be opened and allows what a run needs. */
export async function inspectTargets(
  targets: readonly Target[],
  settings: Pick<RestartSettings, "strategy" | "command">,
): Promise<TargetInspection> {
  const opened = await openTargets(targets);
  const found = await Promise.all(opened.map((target) => target.inspect(settings)));
  // Several realms may each have a list of URLs, with one and the same problem.
  const all = (pick: (one: TargetInspection) => string[]) => [...new Set(found.flatMap(pick))];
  return {
    problems: all(({ problems }) => problems),
    missingRights: all(({ missingRights }) => missingRights),
    warnings: all(({ warnings }) => warnings),
  };
}
