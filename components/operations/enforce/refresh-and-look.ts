import { redactor } from "../base/redact.ts";
import type { Canary } from "../canaries/canary.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { idOf, type OpenInstance } from "../fleet/instances.ts";
import { readStartup, startedAfter } from "../fleet/read-startup.ts";
import { refreshInstance } from "../fleet/refresh.ts";
import { type OpenTarget, openTargets } from "../fleet/targets.ts";
import { deadSinceOf } from "../keys/retired-key.ts";
import { isPairLive, probeEveryProcess } from "../proof/live-token.ts";
import { type RetiredKeys, retiredCanaries } from "../proof/retired-keys.ts";
import { isDivided } from "../proof/spread.ts";
import { type Refreshed, type RestartQuestion, unprovableKeys } from "./restart-reason.ts";

export interface EnforceRequest {
  fleet: Fleet;
  newKids: string[];
  retired: RetiredKeys;
}

/** What all instances of one enforcement have in common. */
export interface Enforcement extends EnforceRequest {
  targets: OpenTarget[];
  /** Canary tokens of the retired keys. */
  canaries: Canary[];
  question: RestartQuestion;
  redact: (text: string) => string;
  progress: (line: string) => void;
}

export async function openEnforcement(
  request: EnforceRequest,
  progress: (line: string) => void,
): Promise<Enforcement> {
  const { fleet, retired } = request;
  const canaries = retiredCanaries(retired).filter((canary) => isPairLive(canary, fleet.probe));
  const question = {
    canaries,
    retired: retired.keys.map((key) => ({ kid: key.kid, deadSince: deadSinceOf(key, retired.cutOverAt) })),
    baselineOf: new Map(retired.baseline.map((known) => [idOf(known), known])),
  };
  const redact = redactor([...fleet.apiRefreshTokens, ...Object.values(retired.canaryTokens)]);
  return { ...request, targets: await openTargets(fleet.targets), canaries, question, redact, progress };
}

/** Empty where the strategy is to restart every instance, refreshed or not. */
export type Tried = Partial<Refreshed>;

/** Refreshes an instance, and asks it once about each retired key's canary token. */
export async function tryInstance(instance: OpenInstance, enforcement: Enforcement): Promise<Tried> {
  const { fleet, question, targets, redact } = enforcement;
  if (fleet.restart.strategy === "restart") return {};
  const tried = await refreshAndLook(instance, enforcement);
  if (!unprovableKeys(instance, question).some(({ deadSince }) => startedAfter(instance, deadSince)))
    return tried;
  const startup = await readStartup(targets, instance, fleet.restart.bootstrapPattern, redact);
  return { ...tried, startup };
}

/** Where some of an instance's processes have dropped a key and others have not, the refresh goes on until all have. */
async function refreshAndLook(instance: OpenInstance, enforcement: Enforcement): Promise<Refreshed> {
  const { fleet } = enforcement;
  for (let attempt = 1; ; attempt += 1) {
    const refreshed = await refreshOnce(instance, enforcement);
    if (attempt >= fleet.refresh.attempts || !refreshed.looks.some(isDivided)) return refreshed;
  }
}

async function refreshOnce(instance: OpenInstance, enforcement: Enforcement): Promise<Refreshed> {
  const { fleet, newKids, question, canaries } = enforcement;
  const expectation = { present: newKids, absent: question.retired.map(({ kid }) => kid) };
  const result = await refreshInstance(instance, fleet.refresh, fleet.apiRefreshTokens, expectation);
  // An instance that did not answer its refresh at all gets one attempt, not several.
  const attempts = result.status === undefined ? 1 : fleet.probe.attempts;
  const looks: Refreshed["looks"] = [];
  for (const { kid, seen } of canaries) {
    const asked = await probeEveryProcess(instance, { ...fleet.probe, attempts }, seen.token, "rejected");
    looks.push({ kid, ...asked });
  }
  return { result, looks };
}
