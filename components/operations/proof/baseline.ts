import { RotationError } from "../base/errors.ts";
import { listNames } from "../base/list-names.ts";
import { progressOf } from "../base/report.ts";
import type { Canary } from "../canaries/canary.ts";
import { identity, type OpenInstance } from "../fleet/instances.ts";
import { refreshInstance } from "../fleet/refresh.ts";
import { sweep } from "../fleet/sweep.ts";
import { readyTimeoutMs as longestWait, type OpenTarget, type Target } from "../fleet/targets.ts";
import { isUntried } from "../keys/plan-cutover.ts";
import type { RealmKey } from "../keys/realm-keys.ts";
import type { Baseline, CanaryFindings, CanaryRequest } from "./canary-findings.ts";
import { describeVerdict, probe } from "./probe.ts";

/**
 * Asks one instance for its verdict on each canary, while their keys are still trusted.
 * @param canaries of each, the token that instances see
 */
export async function askForBaseline(
  instance: OpenInstance,
  request: Pick<CanaryRequest, "probe" | "refresh" | "apiRefreshTokens">,
  canaries: readonly SeenCanary[],
): Promise<Baseline> {
  const who = { instance: instance.name, ...identity(instance) };
  const verdicts = await askAbout(instance, request, canaries);
  if (!verdicts.some(({ verdict }) => verdict.kind === "rejected")) return { ...who, verdicts };
  // It may not have fetched a young key yet; a key that it never trusted could not be proven to have died there.
  const present = canaries.map(({ kid }) => kid);
  await refreshInstance(instance, request.refresh, request.apiRefreshTokens, { present, absent: [] });
  return { ...who, verdicts: await askAbout(instance, request, canaries) };
}

/** As much of a canary as the baseline needs. */
export interface SeenCanary {
  kid: string;
  seen: { token: string };
}

export async function askAbout(
  instance: OpenInstance,
  request: Pick<CanaryRequest, "probe">,
  canaries: readonly SeenCanary[],
): Promise<Baseline["verdicts"]> {
  const verdicts: Baseline["verdicts"] = [];
  for (const { kid, seen } of canaries) {
    verdicts.push({ kid, verdict: await probe(instance, request.probe, seen.token) });
  }
  return verdicts;
}

/** Before the key is dead, no time is to be lost on a cluster that does not answer. */
export const patienceMs = 5_000;

export const firstPodMs = 15_000;

/**
 * A target without any pod is a mistake in the config, and so is one whose cluster refuses us. One that does not
 * answer is not: the key must die all the same, and the run will be red.
 *
 * @returns whether any instance is ready
 */
export async function lookAround(
  targets: readonly Target[],
  opened: readonly OpenTarget[],
): Promise<boolean> {
  const rosters = await Promise.all(
    opened.map(({ list }) => list(patienceMs).catch((error: unknown) => silence(error))),
  );
  const empty = targets.filter((target, index) => {
    const roster = rosters[index];
    return target.kind === "kubernetes" && roster && roster.ready.length + roster.waiting.length === 0;
  });
  if (empty.length === 0) return rosters.some((roster) => roster && roster.ready.length > 0);
  const what = empty.map((target) =>
    target.kind === "kubernetes"
      ? `${target.name} (selector ${target.selector} in namespace ${target.namespace})`
      : target.name,
  );
  throw new RotationError(
    "NO_INSTANCES",
    `no pod is found in target ${what.join(", ")}; nothing was rotated`,
    {
      nextStep: "mend the target's namespace and selector, or remove it from targets",
    },
  );
}

export function silence(error: unknown): undefined {
  if (error instanceof RotationError && error.code === "KUBERNETES_UNREACHABLE") return undefined;
  throw error;
}

export async function askEveryInstance(
  targets: readonly OpenTarget[],
  request: CanaryRequest,
  canaries: readonly Canary[],
  isAnyReady: boolean,
): Promise<Pick<CanaryFindings, "baseline" | "notAsked">> {
  const { concurrency } = request.refresh;
  // Where no pod is ready, they may just be starting. Else a stolen key does not live on for those that are not.
  const hurriedMs = isAnyReady ? 0 : firstPodMs;
  const readyTimeoutMs = request.mode === "emergency" ? hurriedMs : longestWait(request.targets);
  const progress = progressOf("canary", request.run);
  const { results, waiting, failures } = await sweep(
    targets,
    { concurrency, readyTimeoutMs, patienceMs, progress },
    (instance) => askForBaseline(instance, request, canaries),
  );
  const notAsked = [
    ...failures.map(({ error }) => error.message),
    ...waiting.map(({ name, pod }) => `${name} was not ready before the cut-over (${pod?.notReady})`),
  ];
  return { baseline: results.map(({ value }) => value), notAsked };
}

/** Where instances answer and none accepts a key's canary, the probe is wrong, and a rejection later would prove nothing. */
export /**
 * Keys that no user has a token of, and that no instance accepts, since none was ever told of them: they keep no stolen
 * key alive, and are left without a canary.
 */
function unknownEverywhere(
  canaries: readonly Canary[],
  keys: readonly RealmKey[],
  baseline: readonly Baseline[],
): string[] {
  const isUnknown = (kid: string) =>
    keys.some((key) => key.kid === kid && isUntried(key)) &&
    !baseline.some(({ verdicts }) =>
      verdicts.some((one) => one.kid === kid && one.verdict.kind === "accepted"),
    );
  return canaries.map(({ kid }) => kid).filter(isUnknown);
}

export function refuseRejected(kid: string, baseline: readonly Baseline[]): void {
  const kindOf = ({ verdicts }: Baseline) => verdicts.find((one) => one.kid === kid)?.verdict.kind;
  const rejecting = baseline.filter((one) => kindOf(one) === "rejected").map(({ instance }) => instance);
  if (rejecting.length === 0 || baseline.some((one) => kindOf(one) === "accepted")) return;
  throw new RotationError(
    "BASELINE_REJECTED",
    `no instance accepts a valid token of kid ${kid} (rejected by ${listNames(rejecting)}), so a rejection later would prove nothing`,
    {
      nextStep:
        "set probe.audience, probe.realmRoles and probe.path to what the API demands; nothing was rotated",
    },
  );
}

/** Without an emergency there is time to mend what does not answer, so nothing is left to be unproven. */
export function refuseGaps(baseline: readonly Baseline[], notAsked: readonly string[]): void {
  const gaps = baseline.flatMap(({ instance, verdicts }) =>
    verdicts
      .filter(({ verdict }) => verdict.kind !== "accepted")
      .slice(0, 1)
      .map(({ kid, verdict }) => `${instance} on kid ${kid}: ${describeVerdict(verdict)}`),
  );
  const all = [...notAsked, ...gaps];
  if (all.length === 0) return;
  throw new RotationError(
    "BASELINE_INCOMPLETE",
    `not every instance accepts a valid token now (${listNames(all)})`,
    {
      nextStep:
        "repair what is named or remove it from targets, then run the same up again; no key was changed",
    },
  );
}
