import { report } from "../base/report.ts";
import { underWay } from "../base/side-by-side.ts";
import type { KeptCanaries } from "../canaries/canary.ts";
import type { VerificationAttempt } from "../evidence/findings.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { RetiredKey } from "../keys/retired-key.ts";
import type { Baseline } from "../proof/canary-findings.ts";
import { currentOrders } from "../proof/current-orders.ts";
import { nothingOpen, stillOpen } from "../proof/still-open.ts";
import type { EmergencyActions, VerificationRequest } from "../proof/verification-request.ts";
import { type VerificationResult, verifyRotation } from "../proof/verify.ts";
import { inPhase } from "../telemetry/telemetry.ts";
import { adminOf, fleetOf, type Recorded, type Run } from "./phase-request.ts";

export type VerificationPhaseRequest = Run &
  Fleet &
  KeptCanaries &
  Pick<VerificationRequest, "probeClients" | "expiredClient" | "newKids" | "passive" | "restarts"> & {
    retired: RetiredKey[];
    baseline: Baseline[];
    beside: EmergencyActions;
    after: string;
    revokedAt: string | null;
    internalKeysAt: string | null;
  };

export type VerificationOutputs = Recorded & {
  verified: boolean;
  result: VerificationResult;
  /** The cut-over that was verified. */
  verifiedAfter: string;
  attempts: VerificationAttempt[];
  /** Secret. Canaries of keys that were retired, and of which nobody has shown since that they are dead. */
  earlier: KeptCanaries;
};

export type VerifiedBefore = VerificationOutputs & VerificationPhaseRequest;

/** Phase 8: verify on every instance. The result is kept, red or green; `Evidence` makes a red one fail the run. */
export function verificationPhase(
  request: VerificationPhaseRequest,
  before?: VerifiedBefore,
): Promise<VerificationOutputs> {
  return underWay(request.run, () => inPhase(request.run, "verify", () => verifyAll(request, before)));
}

async function verifyAll(
  request: VerificationPhaseRequest,
  before?: VerifiedBefore,
): Promise<VerificationOutputs> {
  const { run, probeClients, expiredClient, newKids, passive, restarts } = request;
  const { retired: keys, canaries, canaryTokens, baseline, after: cutOverAt } = request;
  const open = stillOpen(keys, before);
  const earlier = before?.verifiedAfter === request.after ? before : undefined;
  const attempts = before?.run.rotation === request.run.rotation ? before.attempts : [];
  const result = await verifyRotation(
    await adminOf(request),
    {
      run,
      fleet: fleetOf(request),
      probeClients,
      expiredClient,
      newKids,
      passive,
      retired: { keys, canaries, canaryTokens, baseline, cutOverAt },
      earlier: open,
      restarts,
      emergency: currentOrders(request.beside, before, earlier !== undefined),
    },
    earlier?.result.instances,
  );
  const { startedAt, finishedAt, verified, failures, instances } = result;
  const good = instances.filter((one) => one.verified).length;
  const summary = `${good} of ${instances.length} instances proven${verified ? "" : "; NOT VERIFIED"}`;
  report("verify", summary, request.run);
  return {
    verified,
    result,
    verifiedAfter: request.after,
    attempts: [...attempts, { startedAt, finishedAt, verified, failures }],
    earlier: verified ? nothingOpen : open,
    record: { phase: "verify", outcome: verified ? "done" : "failed", startedAt, finishedAt, summary },
  };
}

/** Whether something has changed since the last verification, or that one was red. */
export function isVerificationDue(olds: Partial<VerifiedBefore>, news: VerificationPhaseRequest): boolean {
  const isOther =
    olds.verifiedAfter !== news.after ||
    (olds.revokedAt ?? null) !== news.revokedAt ||
    (olds.internalKeysAt ?? null) !== news.internalKeysAt;
  return isOther || olds.verified !== true;
}
