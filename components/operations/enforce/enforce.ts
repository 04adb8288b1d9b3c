import { messageOf } from "../base/errors.ts";
import { redactor } from "../base/redact.ts";
import type { Canary, KeptCanaries } from "../canaries/canary.ts";
import { withTokens } from "../canaries/kept-canaries.ts";
import { type Instance, idOf, instanceId, type OpenInstance } from "../fleet/instances.ts";
import type { ProbeSettings } from "../fleet/probe-settings.ts";
import { readStartup, startedAfter } from "../fleet/read-startup.ts";
import { type RefreshResult, type RefreshSettings, refreshInstance } from "../fleet/refresh.ts";
import {
  describeFailedRestart,
  isRestartable,
  type RestartCandidate,
  type RestartResult,
  type RestartSettings,
  restartAll,
} from "../fleet/restart.ts";
import { type Sweep, sweep } from "../fleet/sweep.ts";
import { type OpenTarget, openTargets, readyTimeoutMs, type Target } from "../fleet/targets.ts";
import type { RetiredKey } from "../keys/cut-over.ts";
import type { Baseline } from "../proof/canary-findings.ts";
import { probe } from "../proof/probe.ts";
import { type Refreshed, type RestartQuestion, restartReason, unprovableKids } from "./restart-reason.ts";

export interface EnforceRequest extends KeptCanaries {
  targets: Target[];
  refresh: RefreshSettings;
  restart: RestartSettings;
  probe: ProbeSettings;
  /** Secret. Those that instances may have. */
  apiRefreshTokens: string[];
  newKids: string[];
  retired: RetiredKey[];
  /** Every instance's verdict before the cut-over. */
  baseline: Baseline[];
  /** Completion of the cut-over, ISO 8601 UTC. */
  after: string;
}

export interface EnforceResult {
  results: RefreshResult[];
  restarts: RestartResult[];
  /** Targets that could not be looked at, and restarts that failed: a sentence each. */
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
  const targets = await openTargets(request.targets);
  const context = { targets, request, progress, redact: redactFor(request), question: questionFor(request) };
  try {
    return await enforceOn(context);
  } catch (error) {
    return { results: [], restarts: [], failures: [messageOf(error)], open: [] };
  }
}

interface Context {
  targets: OpenTarget[];
  request: EnforceRequest;
  question: RestartQuestion;
  redact: (text: string) => string;
  progress: (line: string) => void;
}

/**
 * Those that are ready come first, their restarts included: while others are waited for, none of them is to go on
 * trusting the key.
 */
async function enforceOn(context: Context): Promise<EnforceResult> {
  const { targets, request, progress } = context;
  const { concurrency } = request.refresh;
  const work = (instance: OpenInstance) => tryInstance(instance, context);
  const first = await sweep(targets, { concurrency, readyTimeoutMs: 0, progress }, work);
  const results = first.results.flatMap(({ value }) => value.result ?? []);
  progress(describe(results));
  const done = await restartUnfinished(first, context);
  if (first.waiting.length === 0) return { results, ...(await conclude(context, [first], [done])) };
  const known = new Set(first.results.map(({ instance }) => instanceId(instance)));
  const skip = (instance: Instance) => known.has(instanceId(instance));
  const wait = { concurrency, readyTimeoutMs: readyTimeoutMs(request.targets), skip, progress };
  const second = await sweep(targets, wait, work);
  const late = second.results.flatMap(({ value }) => value.result ?? []);
  const lateDone = await restartUnfinished(second, context);
  return {
    results: [...results, ...late],
    ...(await conclude(context, [first, second], [done, lateDone])),
  };
}

interface Restarted {
  restarts: RestartResult[];
  /** Instances that need a restart and can't have one, and why. */
  open: string[];
}

async function restartUnfinished(refreshed: Sweep<Tried>, context: Context): Promise<Restarted> {
  const { targets, request, redact, progress } = context;
  const { restart: settings, after } = request;
  const unfinished = candidates(refreshed, context);
  const restartable = unfinished.filter(({ instance }) => isRestartable(targets, instance, settings));
  const open = unfinished
    .filter((one) => !restartable.includes(one))
    .map(({ instance, reason }) => `${instance.name} ${reason}`);
  return { restarts: await restartAll(restartable, { targets, settings, after, redact, progress }), open };
}

async function conclude(
  context: Context,
  sweeps: readonly Sweep<Tried>[],
  done: readonly Restarted[],
): Promise<Omit<EnforceResult, "results">> {
  const restarts = done.flatMap((one) => one.restarts);
  const failures = [
    ...sweeps.flatMap((one) => one.failures).map(({ error }) => error.message),
    ...restarts.filter(isFailed).map(describeFailedRestart),
    ...(await missingBootstraps(context, restarts)),
  ];
  return { restarts, failures: [...new Set(failures)], open: done.flatMap((one) => one.open) };
}

function redactFor({ apiRefreshTokens, canaryTokens }: EnforceRequest): (text: string) => string {
  return redactor([...apiRefreshTokens, ...Object.values(canaryTokens)]);
}

function questionFor(request: EnforceRequest): RestartQuestion {
  return {
    canaries: retiredCanaries(request),
    retiredKids: request.retired.map(({ kid }) => kid),
    baselineOf: new Map(request.baseline.map((one) => [idOf(one), one])),
    retiredAt: retiredAt(request),
  };
}

function describe(results: readonly RefreshResult[]): string {
  if (results.length === 0) return "no instance was asked to refresh";
  const claimed = results.filter(({ outcome }) => outcome === "claimed").length;
  return `${claimed} of ${results.length} instances say they have refreshed`;
}

type Tried = Partial<Refreshed>;

async function tryInstance(instance: OpenInstance, context: Context): Promise<Tried> {
  const { request, question, targets, redact } = context;
  if (request.restart.strategy === "restart") return {};
  const tried = await refreshAndLook(instance, context);
  if (unprovableKids(instance, question).length === 0) return tried;
  if (!startedAfter(instance, question.retiredAt)) return tried;
  const startup = await readStartup(targets, instance, request.restart.bootstrapPattern, redact);
  return { ...tried, startup };
}

function retiredCanaries(request: EnforceRequest): Canary[] {
  return withTokens(request).filter(({ kid }) => request.retired.some((key) => key.kid === kid));
}

async function refreshAndLook(instance: OpenInstance, { request, question }: Context): Promise<Refreshed> {
  const { refresh, apiRefreshTokens, probe: settings, newKids } = request;
  const expectation = { present: newKids, absent: question.retiredKids };
  const result = await refreshInstance(instance, refresh, apiRefreshTokens, expectation);
  // An instance that did not answer its refresh at all gets one try, not three.
  const attempts = result.status === undefined ? 1 : settings.attempts;
  const looks: Refreshed["looks"] = [];
  for (const { kid, seen } of retiredCanaries(request)) {
    looks.push({ kid, verdict: await probe(instance, { ...settings, attempts }, seen.token) });
  }
  return { result, looks };
}

function candidates(refreshed: Sweep<Tried>, { question }: Context): RestartCandidate[] {
  return refreshed.results.flatMap(({ instance, value: { result, looks = [], startup } }) => {
    const reason = result
      ? restartReason(instance, { result, looks, startup }, question)
      : "is to be restarted (strategy restart)";
    return reason === undefined ? [] : [{ instance, reason }];
  });
}

/** Pods of a restart that do not show the bootstrap: the next run must restart them again. */
async function missingBootstraps(context: Context, restarts: readonly RestartResult[]): Promise<string[]> {
  const { targets, request, redact } = context;
  const restarted = new Set(restarts.filter((one) => !isFailed(one)).map(placeOf));
  if (restarted.size === 0) return [];
  const isOther = ({ target, workload }: Instance) => !restarted.has(placeOf({ target, subject: workload }));
  const options = { concurrency: request.refresh.concurrency, readyTimeoutMs: 0, skip: isOther };
  const { results } = await sweep(targets, options, (instance) =>
    readStartup(targets, instance, request.restart.bootstrapPattern, redact),
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

/**
 * When the last retired key was dead for certain. Where an interrupted run disabled one, only the cut-over's completion
 * is certain.
 */
export function retiredAt({ retired, after }: Pick<EnforceRequest, "retired" | "after">): string {
  const exact = retired.every(({ disabledAtIsExact }) => disabledAtIsExact);
  const last = retired
    .map(({ disabledAt }) => disabledAt)
    .toSorted()
    .at(-1);
  return (exact ? last : undefined) ?? after;
}
