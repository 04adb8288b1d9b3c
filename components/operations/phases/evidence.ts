import { type Packed, unpack } from "../base/packed.ts";
import { report } from "../base/report.ts";
import { afterTheOthers, finished } from "../base/side-by-side.ts";
import type { WholeFindings } from "../evidence/findings.ts";
import { type EvidenceBundle, writeEvidence } from "../evidence/write-evidence.ts";
import { notificationsSent, notifyEnd } from "../notify/run-notices.ts";
import { verificationError } from "../proof/verification-error.ts";
import { endTrace } from "../telemetry/telemetry.ts";
import { releaseLease } from "./lease.ts";
import { detailsOf, type PhaseInputs, type Step, stepOf } from "./phase-request.ts";

export interface EvidenceInputs extends PhaseInputs<object> {
  /** Secret, for the length of it: what all phases have found. */
  findings: Packed<WholeFindings>;
  /** When it was verified last, ISO 8601 UTC: another time makes it run again. */
  verifiedAt: string;
  /** Whether a thaw comes after it. Then the realm is not through yet. */
  isThawing: boolean;
}

export interface EvidenceOutputs extends Step, Omit<EvidenceBundle, "evidence"> {
  /** The verification that the bundle is of. */
  verifiedAt: string;
  /** Null where no key was retired. */
  exposureWindowMs: number | null;
}

/**
 * Phase 9: write the bundle, then fail where the rotation is not verified.
 * @throws {RotationError} VERIFICATION_FAILED, EVIDENCE_NOT_WRITTEN
 */
export async function evidencePhase(inputs: EvidenceInputs): Promise<EvidenceOutputs> {
  const { run } = detailsOf(inputs);
  const { isThawing, verifiedAt } = inputs;
  const findings = unpack(inputs.findings);
  const bundle = await writeEvidence(run, findings).catch(async (error: unknown) => {
    notifyEnd(run, "failed");
    await releaseLease(run);
    const traced = endTrace(run, "EVIDENCE_NOT_WRITTEN");
    await afterTheOthers(run);
    await Promise.all([notificationsSent(run), traced]);
    throw error;
  });
  const { evidence, directory, reportPath, digest } = bundle;
  report("evidence", reportPath, run);
  const { verification } = findings.proof;
  if (!verification.verified) {
    notifyEnd(run, "failed", evidence);
    await releaseLease(run);
    const traced = endTrace(run, "VERIFICATION_FAILED");
    await afterTheOthers(run);
    await Promise.all([notificationsSent(run), traced]);
    throw verificationError(verification, reportPath, findings.enforced.restarts);
  }
  await releaseLease(run);
  if (!isThawing) finished(run);
  notifyEnd(run, "verified", evidence);
  await Promise.all([notificationsSent(run), endTrace(run)]);
  const window = evidence.exposureWindow;
  return {
    ...stepOf(inputs),
    verifiedAt,
    directory,
    reportPath,
    digest,
    exposureWindowMs: window?.ms ?? null,
  };
}

/** Whether there is a bundle to write. Where there is none, and nothing to thaw, the realm's run is over. */
export function isEvidenceDue(
  olds: Pick<EvidenceOutputs, "verifiedAt">,
  news: Pick<EvidenceInputs, "realm" | "verifiedAt" | "isThawing">,
): boolean {
  const isDue = olds.verifiedAt !== news.verifiedAt;
  if (!isDue && !news.isThawing) finished(news);
  return isDue;
}
