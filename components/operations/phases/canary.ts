import { stepChanged } from "../base/changed.ts";
import { listNames } from "../base/list-names.ts";
import { tellStart } from "../notify/run-notices.ts";
import type { AskableFleet, CanaryFindings, CanaryRequest, CanaryResult } from "../proof/canary-findings.ts";
import { prepareProof } from "../proof/prepare-proof.ts";
import { adminOf, fleetOf, type Recorded, type Run } from "./phase-request.ts";
import { runPhase } from "./run-phase.ts";

export type CanaryPhaseRequest = Run &
  AskableFleet &
  Pick<CanaryRequest, "probeClients"> & { exemptKeys: string[] };

/**
 * Phase 2: mint canaries and prove that every instance accepts them now.
 * @param previous what an earlier run has minted
 */
export async function canaryPhase(
  request: CanaryPhaseRequest,
  previous?: Partial<CanaryResult & Run>,
): Promise<CanaryResult & Recorded> {
  const admin = await adminOf(request);
  tellStart(request.run);
  const { run, exemptKeys, probeClients } = request;
  const { rotation, mode, stage } = run;
  const { tokens, findings, run: before } = previous ?? {};
  const kept = tokens && findings ? { tokens, findings, rotation: before?.rotation ?? 0 } : undefined;
  const { result, record } = await runPhase(run, "canary", { phases: [] }, async () => {
    const goal = { rotation, mode, stage, exemptKeys };
    const prepared = await prepareProof(admin, { run, fleet: fleetOf(request), ...goal, probeClients, kept });
    return { result: prepared, summary: describeBaseline(prepared.findings) };
  });
  return { ...result, record };
}

function describeBaseline({ canaries, baseline, baselineSkipped }: CanaryFindings): string {
  if (canaries.length === 0) return "no key is about to retire";
  const kids = canaries.map(({ kid, algorithm }) => `${kid} (${algorithm})`).join(", ");
  const minted = `canary tokens minted with key ${kids}`;
  if (baselineSkipped) return `${minted}; NO INSTANCE ANSWERS, so replaying them can prove nothing`;
  const silent = baseline
    .filter(({ verdicts }) => verdicts.some(({ verdict }) => verdict.kind !== "accepted"))
    .map(({ instance }) => instance);
  const accepting = `${baseline.length - silent.length} of ${baseline.length} instances accept them`;
  const others = silent.length > 0 ? `; ${listNames(silent)} ${silent.length === 1 ? "does" : "do"} not` : "";
  return `${minted}; ${accepting}${others}`;
}

/** Whether this run needs canaries of its own. */
export function isCanaryDue(olds: Run, news: Run): boolean {
  return stepChanged(olds.run, news.run);
}
