import { messageOf } from "../base/errors.ts";
import { type Instance, instanceId, type OpenInstance } from "../fleet/instances.ts";
import { readStartup } from "../fleet/read-startup.ts";
import type { RefreshResult } from "../fleet/refresh.ts";
import {
  describeFailedRestart,
  isRestartable,
  type RestartCandidate,
  type RestartResult,
  restartAll,
} from "../fleet/restart.ts";
import { type Sweep, sweep } from "../fleet/sweep.ts";
import { readyTimeoutMs } from "../fleet/targets.ts";
import {
  type Enforcement,
  type EnforceRequest,
  openEnforcement,
  type Tried,
  tryInstance,
} from "./refresh-and-look.ts";
import { restartReason } from "./restart-reason.ts";

export interface EnforceResult {
  results: RefreshResult[];
  restarts: RestartResult[];
  /** Targets that could not be listed, and restarts that failed: a sentence each. */
  failures: string[];
  /** Instances that neither a refresh nor a restart has brought to the new set, and why, as far as is known here. */
  open: string[];
}

/**
 * Has every instance fetch the JWKS anew, asks it once whether it still accepts a retired key, and restarts what can't
 * be refreshed or has kept its cache. Never throws: a failure is a result, and the verification decides.
 *
 * @param progress lines that can be shown
 */
export async function enforce(
  request: EnforceRequest,
  progress: (line: string) => void,
): Promise<EnforceResult> {
  const enforcement = await openEnforcement(request, progress);
  try {
    return await enforceOn(enforcement);
  } catch (error) {
    return { results: [], restarts: [], failures: [messageOf(error)], open: [] };
  }
}

/**
 * Instances that are ready come first, their restarts included: while others are waited for, none of them is to go on
 * trusting the key.
 */
async function enforceOn(enforcement: Enforcement): Promise<EnforceResult> {
  const { targets, fleet, progress } = enforcement;
  const { concurrency } = fleet.refresh;
  const work = (instance: OpenInstance) => tryInstance(instance, enforcement);
  const first = await sweep(targets, { concurrency, readyTimeoutMs: 0, progress }, work);
  const results = refreshesOf(first);
  progress(describe(results));
  const done = await restartUnfinished(first, enforcement);
  if (first.waiting.length === 0) return { results, ...(await conclude(enforcement, [first], [done])) };
  const known = new Set(first.results.map(({ instance }) => instanceId(instance)));
  const skip = (instance: Instance) => known.has(instanceId(instance));
  const wait = { concurrency, readyTimeoutMs: readyTimeoutMs(fleet.targets), skip, progress };
  const second = await sweep(targets, wait, work);
  const lateDone = await restartUnfinished(second, enforcement);
  return {
    results: [...results, ...refreshesOf(second)],
    ...(await conclude(enforcement, [first, second], [done, lateDone])),
  };
}

function refreshesOf({ results }: Sweep<Tried>): RefreshResult[] {
  return results.flatMap(({ value }) => value.result ?? []);
}

function describe(results: readonly RefreshResult[]): string {
  if (results.length === 0) return "no instance was asked to refresh";
  const claimed = results.filter(({ outcome }) => outcome === "claimed").length;
  return `${claimed} of ${results.length} instances reported a refresh`;
}

interface Restarted {
  restarts: RestartResult[];
  /** Instances that need a restart and can't be restarted, and why. */
  open: string[];
}

async function restartUnfinished(refreshed: Sweep<Tried>, enforcement: Enforcement): Promise<Restarted> {
  const { targets, fleet, retired, redact, progress } = enforcement;
  const unfinished = candidates(refreshed, enforcement);
  const restartable = unfinished.filter(({ instance }) => isRestartable(targets, instance, fleet.restart));
  const open = unfinished
    .filter((candidate) => !restartable.includes(candidate))
    .map(({ instance, reason }) => `${instance.name} ${reason}`);
  const context = { targets, settings: fleet.restart, after: retired.cutOverAt, redact, progress };
  return { restarts: await restartAll(restartable, context), open };
}

function candidates(refreshed: Sweep<Tried>, { question }: Enforcement): RestartCandidate[] {
  return refreshed.results.flatMap(({ instance, value: { result, looks = [], startup } }) => {
    const reason = result
      ? restartReason(instance, { result, looks, startup }, question)
      : "is to be restarted (strategy restart)";
    return reason === undefined ? [] : [{ instance, reason }];
  });
}

async function conclude(
  enforcement: Enforcement,
  sweeps: readonly Sweep<Tried>[],
  done: readonly Restarted[],
): Promise<Omit<EnforceResult, "results">> {
  const restarts = done.flatMap((restarted) => restarted.restarts);
  const failures = [
    ...sweeps.flatMap((swept) => swept.failures).map(({ error }) => error.message),
    ...restarts.filter(isFailed).map(describeFailedRestart),
    ...(await missingBootstraps(enforcement, restarts)),
  ];
  return { restarts, failures: [...new Set(failures)], open: done.flatMap((restarted) => restarted.open) };
}

/** Pods of a restart that do not log the bootstrap: the next run must restart them again. */
async function missingBootstraps(
  { targets, fleet, redact }: Enforcement,
  restarts: readonly RestartResult[],
): Promise<string[]> {
  const restarted = new Set(restarts.filter((restart) => !isFailed(restart)).map(placeOf));
  if (restarted.size === 0) return [];
  const skip = ({ target, workload }: Instance) => !restarted.has(placeOf({ target, subject: workload }));
  const options = { concurrency: fleet.refresh.concurrency, readyTimeoutMs: 0, skip };
  const { results } = await sweep(targets, options, (instance) =>
    readStartup(targets, instance, fleet.restart.bootstrapPattern, redact),
  );
  return results
    .filter(({ value }) => value?.bootstrap === "missing")
    .map(({ instance }) => `${instance.name} was restarted and shows no JWKS bootstrap in its start-up log`);
}

function placeOf({ target, subject }: { target?: string | undefined; subject?: string | undefined }): string {
  return `${target} ${subject}`;
}

function isFailed({ outcome }: RestartResult): boolean {
  return outcome === "failed";
}
