import { whileWorking } from "../base/engine-watch.ts";
import { messageOf } from "../base/errors.ts";
import { type Reporter, report } from "../base/report.ts";
import type { PhaseName, RunContext } from "../base/run-context.ts";
import { afterTheOthers, underWay } from "../base/side-by-side.ts";
import type { PhaseRecord } from "../evidence/evidence-schema.ts";
import type { Findings } from "../evidence/findings.ts";
import { writeEvidence } from "../evidence/write-evidence.ts";
import { notificationsSent, notifyEnd } from "../notify/run-notices.ts";
import { errorTypeOf } from "../telemetry/span.ts";
import { endTrace, inPhase } from "../telemetry/telemetry.ts";
import { releaseLease } from "./lease.ts";

/**
 * Runs a phase that cannot go on after a failure, and times it. When it fails, the evidence is written before the
 * error goes on, because the resources that come later, `Evidence` among them, will not run; and other realms of the
 * same run are let come to their end.
 *
 * @param before what the phases before this one have found
 * @param work answers its result and a one-line summary
 */
export async function runPhase<T>(
  run: RunContext,
  phase: PhaseName,
  before: Findings,
  work: () => Promise<{ result: T; summary: string }>,
): Promise<{ result: T; record: PhaseRecord }> {
  try {
    return await inProgress(run, phase, () => recordPhase(run, phase, before, work));
  } catch (error) {
    await releaseLease(run);
    const traced = endTrace(run, errorTypeOf(error));
    await afterTheOthers(run);
    await Promise.all([notificationsSent(run), traced]);
    throw error;
  }
}

/** Times a phase in the run's trace, and lets other realms of the run know for how long it is under way. */
export function inProgress<T>(run: RunContext, phase: Reporter, work: () => Promise<T>): Promise<T> {
  return whileWorking(() => underWay(run, () => inPhase(run, phase, work)));
}

async function recordPhase<T>(
  run: RunContext,
  phase: PhaseName,
  before: Findings,
  work: () => Promise<{ result: T; summary: string }>,
): Promise<{ result: T; record: PhaseRecord }> {
  const startedAt = new Date().toISOString();
  try {
    const { result, summary } = await work();
    report(phase, summary, run);
    return {
      result,
      record: { phase, outcome: "done", startedAt, finishedAt: new Date().toISOString(), summary },
    };
  } catch (error) {
    const finishedAt = new Date().toISOString();
    const summary = "failed";
    const record: PhaseRecord = {
      phase,
      outcome: "failed",
      startedAt,
      finishedAt,
      summary,
      error: messageOf(error),
    };
    await writeFailure(run, phase, { ...before, phases: [...before.phases, record] });
    throw error;
  }
}

/** The phase's own error is what the reader needs, so a problem with the evidence is only reported in addition. */
async function writeFailure(run: RunContext, phase: PhaseName, findings: Findings): Promise<void> {
  try {
    const { evidence, reportPath } = await writeEvidence(run, findings);
    notifyEnd(run, "failed", evidence);
    report(phase, `failed; evidence: ${reportPath}`, run);
  } catch (error) {
    notifyEnd(run, "failed");
    report(phase, messageOf(error), run);
  }
}
