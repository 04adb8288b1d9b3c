import type { KeptCanaries } from "../canaries/canary.ts";
import { withTokens } from "../canaries/kept-canaries.ts";
import { idOf, instanceId } from "../fleet/instances.ts";
import { sweep } from "../fleet/sweep.ts";
import { changingTargets, openTargets } from "../fleet/targets.ts";
import { askForBaseline } from "./baseline.ts";
import type { Baseline, CanaryRequest } from "./canary-findings.ts";

export type NewcomersRequest = KeptCanaries &
  Pick<CanaryRequest, "targets" | "probe" | "refresh" | "apiRefreshTokens"> & { baseline: Baseline[] };

const patienceMs = 2_000;

/**
 * A pod that has started with the old keys and was never asked can be proven by its restart only, and with it that of
 * all others of its workload. To avoid that, the key lives on for this long where pods are just starting.
 */
const startingMs = 3_000;

/**
 * Asks the pods that have appeared since the baseline was taken: while the old keys are still trusted they can yet be
 * shown to accept them, and so be proven later. Targets of the static list have no newcomers.
 */
export async function askNewcomers(request: NewcomersRequest): Promise<Baseline[]> {
  const targets = changingTargets(request.targets);
  const canaries = withTokens(request);
  if (targets.length === 0 || canaries.length === 0) return [];
  const known = new Set(request.baseline.map(idOf));
  const { results } = await sweep(
    await openTargets(targets),
    {
      concurrency: request.refresh.concurrency,
      readyTimeoutMs: startingMs,
      patienceMs,
      skip: (instance) => known.has(instanceId(instance)),
    },
    (instance) => askForBaseline(instance, request, canaries),
  );
  return results.map(({ value }) => value);
}
