import { report } from "../base/report.ts";
import { afterTheOthers, finished } from "../base/side-by-side.ts";
import type { WholeFindings } from "../evidence/findings.ts";
import { type EvidenceBundle, writeEvidence } from "../evidence/write-evidence.ts";
import { tellEnd, told } from "../notify/run-notices.ts";
import { verificationError } from "../proof/verification-error.ts";
import { endTrace } from "../telemetry/telemetry.ts";
import type { Run } from "./phase-request.ts";

export type EvidenceRequest = Run & { findings: WholeFindings; isThawing: boolean };

export interface EvidenceOutputs extends Omit<EvidenceBundle, "evidence"> {
  /** Null where no key was retired. */
  exposureWindowMs: number | null;
}

/**
 * Phase 9: write the bundle, then fail where the rotation is not verified.
 * @throws {RotationError} VERIFICATION_FAILED, EVIDENCE_NOT_WRITTEN
 */
export async function evidencePhase({ run, findings, isThawing }: EvidenceRequest): Promise<EvidenceOutputs> {
  const bundle = await writeEvidence(run, findings).catch(async (error: unknown) => {
    tellEnd(run, "failed");
    const traced = endTrace(run, "EVIDENCE_NOT_WRITTEN");
    await afterTheOthers(run);
    await Promise.all([told(run), traced]);
    throw error;
  });
  const { evidence, directory, reportPath, digest } = bundle;
  report("evidence", reportPath, run);
  if (!findings.verification.verified) {
    tellEnd(run, "failed", evidence);
    const traced = endTrace(run, "VERIFICATION_FAILED");
    await afterTheOthers(run);
    await Promise.all([told(run), traced]);
    throw verificationError(findings.verification, reportPath, findings.restarts);
  }
  if (!isThawing) finished(run);
  tellEnd(run, "verified", evidence);
  await Promise.all([told(run), endTrace(run)]);
  const window = evidence.exposureWindow;
  return { directory, reportPath, digest, exposureWindowMs: window?.ms ?? null };
}

/** Whether there is a bundle to write. Where there is none, and nothing to thaw, the realm's run is over. */
export function isEvidenceDue(olds: EvidenceRequest, news: EvidenceRequest): boolean {
  // In a preview the findings may be a placeholder for what is not known yet: then they are about to change.
  const isDue = olds.findings.verification.finishedAt !== news.findings.verification?.finishedAt;
  if (!isDue && !news.isThawing) finished(news.run);
  return isDue;
}
