import { progressOf } from "../base/report.ts";
import type { Canary, MintedToken } from "../canaries/canary.ts";
import { forgeSignature } from "../canaries/forged-tokens.ts";
import { type Instance, identity, type OpenInstance } from "../fleet/instances.ts";
import { refreshInstance } from "../fleet/refresh.ts";
import { sweep } from "../fleet/sweep.ts";
import { readyTimeoutMs as longestWait, type OpenTarget } from "../fleet/targets.ts";
import type { AskableFleet, Baseline, CanaryFindings, CanaryRequest } from "./canary-findings.ts";
import { probeEveryProcess } from "./live-token.ts";
import { patienceMs } from "./look-around.ts";
import type { Verdict } from "./probe.ts";

/** As much of a canary as the baseline needs. */
interface SeenCanary {
  kid: string;
  seen: MintedToken;
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
    const asked = await probeEveryProcess(instance, fleet.probe, seen.token, "accepted");
    const canSayNo =
      asked.verdict.kind === "accepted"
        ? { forged: await probeEveryProcess(instance, fleet.probe, await forgedFrom(seen), "rejected") }
        : {};
    verdicts.push({ kid, ...asked, ...canSayNo });
  }
  return verdicts;
}

const forgedTokens = new WeakMap<MintedToken, Promise<string>>();

/** One forged token for all instances: to sign one costs more than to ask about it. */
function forgedFrom(seen: MintedToken): Promise<string> {
  const known = forgedTokens.get(seen) ?? forgeSignature(seen).then(({ token }) => token);
  forgedTokens.set(seen, known);
  return known;
}

/**
 * Instances asked at a time in an emergency, at least: those that hang must not take up the time of the others.
 * Each costs one connection.
 */
const hurriedConcurrency = 256;

/** Asks every instance for its verdict on the canary tokens, before anything is changed. */
export async function askEveryInstance(
  targets: readonly OpenTarget[],
  { fleet, mode, run, deadlineAt }: CanaryRequest,
  canaries: readonly Canary[],
): Promise<Pick<CanaryFindings, "baseline" | "notAsked">> {
  const isHurried = mode === "emergency" && deadlineAt !== undefined;
  const { concurrency } = fleet.refresh;
  const options = isHurried
    ? {
        concurrency: Math.max(concurrency, hurriedConcurrency),
        // A pod that is just starting gets the time that the others need.
        readyTimeoutMs: 0,
        deadline: { at: deadlineAt, late: (instance: Instance) => lateBaseline(instance, canaries) },
      }
    : { concurrency, readyTimeoutMs: longestWait(fleet.targets) };
  const { results, waiting, failures } = await sweep<Baseline>(
    targets,
    { ...options, patienceMs, progress: progressOf("canary", run) },
    (instance) => askForBaseline(instance, fleet, canaries),
  );
  const notAsked = [
    ...failures.map(({ error }) => error.message),
    ...waiting.map(({ name, notReady }) => `${name} was not ready before the cut-over (${notReady})`),
  ];
  return { baseline: results.map(({ value }) => value), notAsked };
}

/** What an instance is taken to have said that has not answered while the key could be kept alive for it. */
export function lateBaseline(instance: Instance, canaries: readonly { kid: string }[]): Baseline {
  const verdict: Verdict = {
    kind: "inconclusive",
    reason: "no answer within emergency.budgetSeconds",
    unanswered: true,
  };
  const verdicts = canaries.map(({ kid }) => ({ kid, verdict }));
  return { instance: instance.name, ...identity(instance), verdicts };
}
