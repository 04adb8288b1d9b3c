import { stepChanged } from "../base/changed.ts";
import { listNames } from "../base/list-names.ts";
import { type Packed, pack, unpack } from "../base/packed.ts";
import { ensureProbeClients, type ProbeIdentity } from "../canaries/probe-clients.ts";
import type { PhaseRecord } from "../evidence/evidence-schema.ts";
import { notifyStart } from "../notify/run-notices.ts";
import type { CanaryFindings, CanaryResult } from "../proof/canary-findings.ts";
import { prepareProof } from "../proof/prepare-proof.ts";
import { adminOf, detailsOf, type FleetInputs, fleetOf, type Step, stepOf } from "./phase-request.ts";
import { runPhase } from "./run-phase.ts";

interface Details {
  /** Component names that stay as they are. */
  exemptKeys: string[];
  probeIdentity: ProbeIdentity;
}

export type CanaryInputs = FleetInputs<Details>;

export interface CanaryOutputs extends Step {
  /** Secret. The canary tokens, the keys, the JWKS and every instance's verdict before anything was changed. */
  canary: Packed<CanaryResult>;
  record: PhaseRecord;
}

/**
 * Phase 2: mint canary tokens and prove that every instance accepts them now.
 * @param previous what an earlier run has minted
 */
export async function canaryPhase(
  inputs: CanaryInputs,
  previous?: Partial<CanaryOutputs>,
): Promise<CanaryOutputs> {
  const { run, exemptKeys, probeIdentity } = detailsOf(inputs);
  const admin = await adminOf(inputs);
  notifyStart(run);
  const { rotation, mode, stage } = run;
  const kept = previous?.canary && { ...unpack(previous.canary), rotation: previous.rotation ?? 0 };
  const { result, record } = await runPhase(run, "canary", { phases: [] }, async () => {
    const { clients: probeClients } = await ensureProbeClients(admin, probeIdentity);
    const goal = { rotation, mode, stage, exemptKeys };
    const prepared = await prepareProof(admin, { run, fleet: fleetOf(inputs), ...goal, probeClients, kept });
    return { result: prepared, summary: describeBaseline(prepared.findings) };
  });
  return { ...stepOf(inputs), canary: pack(result), record };
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

/** Whether this run needs canary tokens of its own. */
export function isCanaryDue(olds: Step, news: Step): boolean {
  return stepChanged(olds, news);
}
