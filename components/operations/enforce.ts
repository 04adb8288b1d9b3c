import type { RetiredKey } from "./cut-over.ts";
import { messageOf } from "./errors.ts";
import type { Instance, OpenInstance } from "./instances.ts";
import { type KeptCanaries, withTokens } from "./kept-canaries.ts";
import type { Baseline, Canary } from "./mint-canaries.ts";
import { type ProbeSettings, probe } from "./probes.ts";
import { redactor } from "./redact.ts";
import {
  type RefreshExpectation,
  type RefreshResult,
  type RefreshSettings,
  refreshInstance,
} from "./refresh.ts";
import { type RestartCandidate, type RestartResult, type RestartSettings, restartAll } from "./restart.ts";
import { type Refreshed, restartReason } from "./restart-reason.ts";
import { type Sweep, sweep } from "./sweep.ts";
import { type OpenTarget, openTargets, type Target } from "./targets.ts";

export interface EnforceRequest extends KeptCanaries {
  targets: Target[];
  refresh: RefreshSettings;
  restart: RestartSettings;
  probe: ProbeSettings;
  /** Secret. Those that instances may have. */
  refreshTokens: string[];
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
  try {
    const refreshed = await refreshAll(targets, request);
    const results = refreshed.results.flatMap(({ value }) => value.result ?? []);
    progress(describe(results));
    const unfinished = candidates(refreshed, request);
    const restartable = unfinished.filter(({ instance }) => isRestartable(instance, request.restart));
    const restarts = await restartAll(restartable, {
      targets,
      settings: request.restart,
      after: request.after,
      redact: redactor([...request.refreshTokens, ...Object.values(request.canaryTokens)]),
      progress,
    });
    const failures = [
      ...refreshed.failures.map(({ error }) => error.message),
      ...restarts
        .filter(isFailed)
        .map(({ subject, reason }) => `${subject} could not be restarted: ${reason}`),
    ];
    const open = unfinished
      .filter((one) => !restartable.includes(one))
      .map(({ instance, reason }) => `${instance.name} ${reason}`);
    return { results, restarts, failures, open };
  } catch (error) {
    return { results: [], restarts: [], failures: [messageOf(error)], open: [] };
  }
}

function describe(results: readonly RefreshResult[]): string {
  if (results.length === 0) return "no instance was asked to refresh";
  const claimed = results.filter(({ outcome }) => outcome === "claimed").length;
  return `${claimed} of ${results.length} instances say they have refreshed`;
}

type Tried = Partial<Refreshed>;

async function refreshAll(targets: readonly OpenTarget[], request: EnforceRequest): Promise<Sweep<Tried>> {
  const { concurrency } = request.refresh;
  const expectation = { present: request.newKids, absent: request.retired.map(({ kid }) => kid) };
  const canaries = retiredCanaries(request);
  const onlyRestart = request.restart.strategy === "restart";
  // Pods that are not ready are not waited for here: the others' exposure would last as long.
  return sweep(
    targets,
    { concurrency, readyTimeoutMs: 0 },
    (instance): Promise<Tried> =>
      onlyRestart ? Promise.resolve({}) : refreshAndLook(instance, request, expectation, canaries),
  );
}

function retiredCanaries(request: EnforceRequest): Canary[] {
  return withTokens(request).filter(({ kid }) => request.retired.some((key) => key.kid === kid));
}

async function refreshAndLook(
  instance: OpenInstance,
  { refresh, refreshTokens, probe: settings }: EnforceRequest,
  expectation: RefreshExpectation,
  canaries: readonly Canary[],
): Promise<Refreshed> {
  const result = await refreshInstance(instance, refresh, refreshTokens, expectation);
  const looks: Refreshed["looks"] = [];
  for (const { kid, seen } of canaries) {
    // An instance that did not answer its refresh at all gets one try, not three.
    const attempts = result.status === undefined ? 1 : settings.attempts;
    looks.push({ kid, verdict: await probe(instance, { ...settings, attempts }, seen.token) });
  }
  return { result, looks };
}

function candidates(refreshed: Sweep<Tried>, request: EnforceRequest): RestartCandidate[] {
  const question = {
    canaries: retiredCanaries(request),
    retiredKids: request.retired.map(({ kid }) => kid),
    baselineOf: new Map(request.baseline.map((one) => [one.uid ?? one.instance, one])),
    retiredAt: retiredAt(request),
  };
  return refreshed.results.flatMap(({ instance, value: { result, looks = [] } }) => {
    const reason = result
      ? restartReason(instance, { result, looks }, question)
      : "is to be restarted (strategy restart)";
    return reason === undefined ? [] : [{ instance, reason }];
  });
}

/** Of the static list, only what there is a command for. A pod always has somebody to say why it can't be restarted. */
function isRestartable({ pod }: Instance, { strategy, command }: RestartSettings): boolean {
  return strategy !== "refresh" && (pod !== undefined || command.length > 0);
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
