import type { KeptCanaries } from "../canaries/canary.ts";
import { withTokens } from "../canaries/kept-canaries.ts";
import { idOf, instanceId } from "../fleet/instances.ts";
import { sweep } from "../fleet/sweep.ts";
import { changingTargets, openTargets } from "../fleet/targets.ts";
import { askForBaseline, lateBaseline } from "./baseline.ts";
import type { AskableFleet, Baseline } from "./canary-findings.ts";

export interface NewcomersRequest extends KeptCanaries {
  fleet: AskableFleet;
  /** Verdicts of the instances that were asked before. */
  baseline: Baseline[];
  /** In an emergency, when the key is disabled whoever was not asked by then, by `Date.now()`. */
  deadlineAt?: number | undefined;
}

const patienceMs = 2_000;

/**
 * A pod that started with the old keys and was never asked can only be proven by a restart, together with its whole
 * workload. To avoid that, the key stays trusted for this long while pods are starting.
 */
const startingMs = 3_000;

/**
 * Asks the pods that have appeared since the baseline was taken: while the old keys are still trusted, they can be
 * shown to accept them, and so be proven later. Targets of the static list have no newcomers.
 */
export async function askNewcomers({
  fleet,
  baseline,
  deadlineAt,
  ...kept
}: NewcomersRequest): Promise<Baseline[]> {
  const targets = changingTargets(fleet.targets);
  const canaries = withTokens(kept);
  if (targets.length === 0 || canaries.length === 0) return [];
  if (deadlineAt !== undefined && deadlineAt <= Date.now()) return [];
  const known = new Set(baseline.map(idOf));
  const { results } = await sweep<Baseline>(
    await openTargets(targets),
    {
      concurrency: fleet.refresh.concurrency,
      readyTimeoutMs: startingMs,
      patienceMs,
      skip: (instance) => known.has(instanceId(instance)),
      ...(deadlineAt === undefined
        ? {}
        : { deadline: { at: deadlineAt, late: (instance) => lateBaseline(instance, canaries) } }),
    },
    (instance) => askForBaseline(instance, fleet, canaries),
  );
  return results.map(({ value }) => value);
}
