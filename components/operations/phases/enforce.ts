import { listNames } from "../base/list-names.ts";
import { progressOf } from "../base/report.ts";
import { underWay } from "../base/side-by-side.ts";
import type { KeptCanaries } from "../canaries/canary.ts";
import { type EnforceResult, enforce } from "../enforce/enforce.ts";
import type { PhaseRecord } from "../evidence/evidence-schema.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { RetiredKey } from "../keys/retired-key.ts";
import type { Baseline } from "../proof/canary-findings.ts";
import { inPhase } from "../telemetry/telemetry.ts";
import { fleetOf, type Recorded, type Run } from "./phase-request.ts";

export type EnforcePhaseRequest = Run &
  Fleet &
  KeptCanaries & {
    newKids: string[];
    retired: RetiredKey[];
    baseline: Baseline[];
    /** Completion of the cut-over, ISO 8601 UTC. */
    after: string;
    complete?: boolean;
  };

/**
 * Phase 7: refresh every instance, and restart what can't be refreshed. An instance that can't be brought to it is a
 * result; the verification decides.
 */
export function enforcePhase(request: EnforcePhaseRequest): Promise<EnforceOutputs> {
  return underWay(request.run, () => inPhase(request.run, "enforce", () => enforceAll(request)));
}

export type EnforceOutputs = Recorded & Pick<EnforceResult, "results" | "restarts"> & { complete: boolean };

async function enforceAll(request: EnforcePhaseRequest): Promise<EnforceOutputs> {
  const startedAt = new Date().toISOString();
  const say = progressOf("enforce", request.run);
  const { newKids, retired: keys, canaries, canaryTokens, baseline, after: cutOverAt } = request;
  const retired = { keys, canaries, canaryTokens, baseline, cutOverAt };
  const { results, restarts, failures, open } = await enforce(
    { fleet: fleetOf(request), newKids, retired },
    say,
  );
  const failed = results.filter(({ outcome }) => outcome === "failed");
  const done = restarts.filter(({ outcome }) => outcome === "done").map(({ subject }) => subject);
  for (const { instance, reason, attempts } of failed.slice(0, 20)) {
    say(`${instance} was not refreshed after ${attempts} attempts: ${reason}`);
  }
  for (const failure of failures) say(failure);
  const names = listNames(failed.map(({ instance }) => instance));
  const unrefreshed = failed.length > 0 ? `; ${names} did not` : "";
  const summary = [
    `${results.length - failed.length} of ${results.length} instances reported a refresh${unrefreshed}`,
    ...(done.length > 0 ? [`restarted ${listNames(done)}`] : []),
    ...(open.length > 0 ? [listNames(open)] : []),
    ...failures,
  ].join("; ");
  // Where no key was retired, nothing that an instance may keep is wrong.
  const complete = failures.length + (request.retired.length > 0 ? open.length : 0) === 0;
  const record: PhaseRecord = {
    phase: "enforce",
    outcome: complete ? "done" : "failed",
    startedAt,
    finishedAt: new Date().toISOString(),
    summary,
  };
  return { results, restarts, complete, record };
}

/** Whether there is a cut-over that was not enforced on every instance. */
export function isEnforcementDue(olds: EnforcementState, news: EnforcementState): boolean {
  return olds.after !== news.after || olds.complete !== true;
}

type EnforcementState = Pick<EnforcePhaseRequest, "after" | "complete">;
