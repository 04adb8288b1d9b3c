import type { RotationError } from "../base/errors.ts";
import { type Packed, unpack } from "../base/packed.ts";
import { report } from "../base/report.ts";
import { afterTheOthers, finished } from "../base/side-by-side.ts";
import type { WholeFindings } from "../evidence/findings.ts";
import { type EvidenceBundle, writeEvidence } from "../evidence/write-evidence.ts";
import { notificationsSent, notifyEnd } from "../notify/run-notices.ts";
import { isRelapsed, relapseError } from "../proof/relapse.ts";
import { verificationError } from "../proof/verification-error.ts";
import { endTrace } from "../telemetry/telemetry.ts";
import { releaseLease } from "./lease.ts";
import { detailsOf, type PhaseInputs, type Step, stepOf } from "./phase-request.ts";

export interface EvidenceInputs extends PhaseInputs<object> {
  /** Secret, for the length of it: what all phases have found. */
  findings: Packed<WholeFindings>;
  /** When it was verified last, ISO 8601 UTC: another time makes it run again. */
  verifiedAt: string;
  /** When the watch after that ended, ISO 8601 UTC, likewise; null where there was none. */
  watchedAt: string | null;
  /** Whether a thaw comes after it. Then the realm is not through yet. */
  isThawing: boolean;
}

export interface EvidenceOutputs extends Step, Omit<EvidenceBundle, "evidence"> {
  /** The verification that the bundle is of. */
  verifiedAt: string;
  /** The watch that the bundle has; null where it has none. */
  watchedAt: string | null;
  /** Null where no key was retired. */
  exposureWindowMs: number | null;
}

/**
 * Phase 9: write the bundle, then fail where the rotation is not verified, or a retired key came back after that.
 * @throws {RotationError} VERIFICATION_FAILED, RELAPSED, EVIDENCE_NOT_WRITTEN
 */
export async function evidencePhase(inputs: EvidenceInputs): Promise<EvidenceOutputs> {
  const { run } = detailsOf(inputs);
  const { isThawing, verifiedAt, watchedAt } = inputs;
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
  const failure = failureOf(findings, reportPath);
  if (failure) {
    notifyEnd(run, "failed", evidence);
    await releaseLease(run);
    const traced = endTrace(run, failure.code);
    await afterTheOthers(run);
    await Promise.all([notificationsSent(run), traced]);
    throw failure;
  }
  await releaseLease(run);
  if (!isThawing) finished(run);
  notifyEnd(run, "verified", evidence);
  await Promise.all([notificationsSent(run), endTrace(run)]);
  const window = evidence.exposureWindow;
  return {
    ...stepOf(inputs),
    verifiedAt,
    watchedAt,
    directory,
    reportPath,
    digest,
    exposureWindowMs: window?.ms ?? null,
  };
}

function failureOf(
  { proof: { verification }, watch, enforced }: WholeFindings,
  reportPath: string,
): RotationError | undefined {
  if (!verification.verified) return verificationError(verification, reportPath, enforced.restarts);
  return watch && isRelapsed(watch) ? relapseError(watch, reportPath) : undefined;
}

/** Whether there is a bundle to write. Where there is none, and nothing to thaw, the realm's run is over. */
export function isEvidenceDue(
  olds: Pick<EvidenceOutputs, "verifiedAt"> & Partial<Pick<EvidenceOutputs, "watchedAt">>,
  news: Pick<EvidenceInputs, "realm" | "verifiedAt" | "watchedAt" | "isThawing">,
): boolean {
  const isDue = olds.verifiedAt !== news.verifiedAt || (olds.watchedAt ?? null) !== news.watchedAt;
  if (!isDue && !news.isThawing) finished(news);
  return isDue;
}
