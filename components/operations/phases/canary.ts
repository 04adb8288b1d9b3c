import { stepChanged } from "../base/changed.ts";
import { listNames } from "../base/list-names.ts";
import { notifyStart } from "../notify/run-notices.ts";
import type { CanaryFindings, CanaryRequest, CanaryResult } from "../proof/canary-findings.ts";
import { mintCanaries } from "../proof/prepare-proof.ts";
import { adminOf, type Recorded, type Run } from "./phase-request.ts";
import { runPhase } from "./run-phase.ts";

export type CanaryPhaseRequest = Omit<CanaryRequest, "rotation" | "mode" | "stage" | "kept"> & Run;

/**
 * Phase 2: mint canaries and prove that every instance accepts them now.
 * @param previous what an earlier run has minted
 */
export async function canaryPhase(
  request: CanaryPhaseRequest,
  previous?: Partial<CanaryResult & Run>,
): Promise<CanaryResult & Recorded> {
  const admin = await adminOf(request);
  notifyStart(request.run);
  const { rotation, mode, stage } = request.run;
  const { tokens, findings, run: before } = previous ?? {};
  const kept = tokens && findings ? { tokens, findings, rotation: before?.rotation ?? 0 } : undefined;
  const { result, record } = await runPhase(request.run, "canary", { phases: [] }, async () => {
    const minted = await mintCanaries(admin, { ...request, rotation, mode, stage, kept });
    return { result: minted, summary: describeBaseline(minted.findings) };
  });
  return { ...result, record };
}

export function describeBaseline({ canaries, baseline, baselineSkipped }: CanaryFindings): string {
  if (canaries.length === 0) return "no key is about to retire";
  const kids = canaries.map(({ kid, algorithm }) => `${kid} (${algorithm})`).join(", ");
  if (baselineSkipped)
    return `have canaries of ${kids}; NO INSTANCE ANSWERS, so nothing can be proven by replay`;
  const silent = baseline
    .filter(({ verdicts }) => verdicts.some(({ verdict }) => verdict.kind !== "accepted"))
    .map(({ instance }) => instance);
  const accepting = `${baseline.length - silent.length} of ${baseline.length} instances accept them`;
  return `have canaries of ${kids}; ${accepting}${silent.length > 0 ? `, not ${listNames(silent)}` : ""}`;
}

/** Whether this run needs canaries of its own. */
export function isCanaryDue(olds: Run, news: Run): boolean {
  return stepChanged(olds.run, news.run);
}
