import type { Canary } from "../canaries/canary.ts";
import { type Instance, instanceId } from "../fleet/instances.ts";
import { type Startup, startedAfter } from "../fleet/read-startup.ts";
import type { RefreshResult } from "../fleet/refresh.ts";
import { takesForgeries } from "../proof/baseline-verdict.ts";
import type { Baseline } from "../proof/canary-findings.ts";
import { type SpreadVerdict, whereDivided } from "../proof/spread.ts";

/** What came of refreshing one instance. */
export interface Refreshed {
  result: RefreshResult;
  /** Its verdict right afterwards on each retired key's canary token that it had seen before. */
  looks: ({ kid: string } & SpreadVerdict)[];
  /** Of an instance that started after the retired keys were disabled and can't be proven in another way. */
  startup?: Pick<Startup, "bootstrap"> | undefined;
}

export interface RestartQuestion {
  /** Canary tokens of the retired keys. */
  canaries: Pick<Canary, "kid">[];
  /** The dead keys, and since when each is certainly dead, ISO 8601 UTC. */
  retired: { kid: string; deadSince: string }[];
  /** Every instance's verdict before the cut-over, by {@link instanceId}. */
  baselineOf: ReadonlyMap<string, Baseline>;
}

/** Why an instance must be restarted, or undefined where it need not be. Pure. */
export function restartReason(
  instance: Instance,
  { result, looks, startup }: Refreshed,
  question: RestartQuestion,
): string | undefined {
  // Of one that takes forged tokens, too, no answer shows that it needs a restart.
  const takesAll = question.baselineOf.get(instanceId(instance))?.verdicts.some(takesForgeries) === true;
  const accepting = looks.filter(({ verdict }) => verdict.kind === "accepted" && !takesAll);
  if (accepting.length > 0) {
    const how =
      result.outcome === "claimed" ? "after its refresh" : `and can't be refreshed: ${result.reason}`;
    const where = accepting.map(whereDivided).find((which) => which !== "");
    return `still accepts kid ${accepting.map(({ kid }) => kid).join(", ")} ${how}${where ? ` (${where})` : ""}`;
  }
  const rejecting = looks.length > 0 && looks.every(({ verdict }) => verdict.kind === "rejected");
  if (result.outcome === "failed" && !rejecting) return `can't be refreshed: ${result.reason}`;
  if (startup?.bootstrap === "missing") return "shows no JWKS bootstrap in its start-up log";
  const owed = unprovableKeys(instance, question).filter((key) => !startedAfter(instance, key.deadSince));
  if (owed.length === 0) return undefined;
  const kids = owed.map(({ kid }) => kid).join(", ");
  return `was not seen to accept kid ${kids} before the cut-over, so only a restart can prove that it rejects it`;
}

/** The dead keys whose rejection by the instance proves nothing. Pure. */
export function unprovableKeys(instance: Instance, question: RestartQuestion): RestartQuestion["retired"] {
  return question.retired.filter(({ kid }) => !isProvable(kid, instance, question));
}

function isProvable(kid: string, instance: Instance, { canaries, baselineOf }: RestartQuestion): boolean {
  const verdicts = baselineOf.get(instanceId(instance))?.verdicts;
  const isAccepted = verdicts?.some((known) => known.kid === kid && known.verdict.kind === "accepted");
  return isAccepted === true && canaries.some((canary) => canary.kid === kid);
}
