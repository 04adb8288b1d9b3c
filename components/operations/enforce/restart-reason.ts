import type { Canary } from "../canaries/canary.ts";
import { type Instance, instanceId } from "../fleet/instances.ts";
import { type Startup, startedAfter } from "../fleet/read-startup.ts";
import type { RefreshResult } from "../fleet/refresh.ts";
import type { Baseline } from "../proof/canary-findings.ts";
import type { Verdict } from "../proof/probe.ts";

/** What a refresh has come to on one instance. */
export interface Refreshed {
  result: RefreshResult;
  /** What the instance said right after of each retired key's canary that it had seen before. */
  looks: { kid: string; verdict: Verdict }[];
  /** Of an instance that started after the retired keys' death and can't be proven in another way. */
  startup?: Pick<Startup, "bootstrap"> | undefined;
}

export interface RestartQuestion {
  /** Canaries of the retired keys. */
  canaries: Pick<Canary, "kid">[];
  retiredKids: string[];
  /** Every instance's verdict before the cut-over, by {@link instanceId}. */
  baselineOf: ReadonlyMap<string, Baseline>;
  /** When the last retired key was dead, ISO 8601 UTC. */
  retiredAt: string;
}

/** Why an instance must be restarted, or undefined where it need not be. Pure. */
export function restartReason(
  instance: Instance,
  { result, looks, startup }: Refreshed,
  question: RestartQuestion,
): string | undefined {
  const accepting = looks.filter(({ verdict }) => verdict.kind === "accepted").map(({ kid }) => kid);
  if (accepting.length > 0) {
    const how =
      result.outcome === "claimed" ? "after its refresh" : `and can't be refreshed: ${result.reason}`;
    return `still accepts kid ${accepting.join(", ")} ${how}`;
  }
  const rejecting = looks.length > 0 && looks.every(({ verdict }) => verdict.kind === "rejected");
  if (result.outcome === "failed" && !rejecting) return `can't be refreshed: ${result.reason}`;
  if (startup?.bootstrap === "missing") return "shows no JWKS bootstrap in its start-up log";
  if (startedAfter(instance, question.retiredAt)) return undefined;
  const unprovable = unprovableKids(instance, question);
  if (unprovable.length === 0) return undefined;
  return `was not seen to accept kid ${unprovable.join(", ")} before the cut-over, so only a restart can prove it`;
}

/** The retired keys of which the instance's rejection proves nothing. Pure. */
export function unprovableKids(instance: Instance, question: RestartQuestion): string[] {
  return question.retiredKids.filter((kid) => !isProvable(kid, instance, question));
}

function isProvable(kid: string, instance: Instance, { canaries, baselineOf }: RestartQuestion): boolean {
  const verdicts = baselineOf.get(instanceId(instance))?.verdicts;
  const accepted = verdicts?.some((one) => one.kid === kid && one.verdict.kind === "accepted") === true;
  return accepted && canaries.some((canary) => canary.kid === kid);
}
