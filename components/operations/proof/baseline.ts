import { progressOf } from "../base/report.ts";
import type { Canary } from "../canaries/canary.ts";
import { identity, type OpenInstance } from "../fleet/instances.ts";
import { refreshInstance } from "../fleet/refresh.ts";
import { sweep } from "../fleet/sweep.ts";
import { readyTimeoutMs as longestWait, type OpenTarget } from "../fleet/targets.ts";
import type { AskableFleet, Baseline, CanaryFindings, CanaryRequest } from "./canary-findings.ts";
import { patienceMs } from "./look-around.ts";
import { probe } from "./probe.ts";

/** As much of a canary as the baseline needs. */
interface SeenCanary {
  kid: string;
  seen: { token: string };
}

/**
 * Asks one instance for its verdict on each canary token while the keys are still trusted.
 * @param canaries of each, the token that instances see
 */
export async function askForBaseline(
  instance: OpenInstance,
  fleet: AskableFleet,
  canaries: readonly SeenCanary[],
): Promise<Baseline> {
  const who = { instance: instance.name, ...identity(instance) };
  const verdicts = await askAbout(instance, fleet, canaries);
  if (!verdicts.some(({ verdict }) => verdict.kind === "rejected")) return { ...who, verdicts };
  // It may not have fetched a young key yet, and rejecting a key that it never trusted would prove nothing.
  const present = canaries.map(({ kid }) => kid);
  await refreshInstance(instance, fleet.refresh, fleet.apiRefreshTokens, { present, absent: [] });
  return { ...who, verdicts: await askAbout(instance, fleet, canaries) };
}

async function askAbout(
  instance: OpenInstance,
  fleet: AskableFleet,
  canaries: readonly SeenCanary[],
): Promise<Baseline["verdicts"]> {
  const verdicts: Baseline["verdicts"] = [];
  for (const { kid, seen } of canaries) {
    verdicts.push({ kid, verdict: await probe(instance, fleet.probe, seen.token) });
  }
  return verdicts;
}

/** How long an emergency waits for a first pod where none is ready, in milliseconds. */
const firstPodMs = 15_000;

/** Asks every instance for its verdict on the canary tokens, before anything is changed. */
export async function askEveryInstance(
  targets: readonly OpenTarget[],
  { fleet, mode, run }: CanaryRequest,
  canaries: readonly Canary[],
  isAnyReady: boolean,
): Promise<Pick<CanaryFindings, "baseline" | "notAsked">> {
  // Where no pod is ready, they may just be starting. Otherwise a stolen key does not stay trusted for those that are not.
  const hurriedMs = isAnyReady ? 0 : firstPodMs;
  const readyTimeoutMs = mode === "emergency" ? hurriedMs : longestWait(fleet.targets);
  const { concurrency } = fleet.refresh;
  const { results, waiting, failures } = await sweep(
    targets,
    { concurrency, readyTimeoutMs, patienceMs, progress: progressOf("canary", run) },
    (instance) => askForBaseline(instance, fleet, canaries),
  );
  const notAsked = [
    ...failures.map(({ error }) => error.message),
    ...waiting.map(({ name, notReady }) => `${name} was not ready before the cut-over (${notReady})`),
  ];
  return { baseline: results.map(({ value }) => value), notAsked };
}
