import type { DrillEvidence } from "./show.ts";

export interface DrillSummary {
  engine: string;
  verified: boolean;
  exposureWindowMs: number | null;
  restarts: { subject: string; outcome: string; because: string[] }[];
  instances: {
    name: string;
    uid: string | null;
    refresh: string;
    verdicts: Record<string, string[]>;
    proof: string;
    reasons: string[];
  }[];
  phases: { phase: string; outcome: string; startedAt: string; finishedAt: string }[];
}

/** The summary for machines. */
export function summary(engine: string, verified: boolean, found: DrillEvidence): DrillSummary {
  return {
    engine,
    verified,
    exposureWindowMs: found.exposureWindow?.ms ?? null,
    restarts: found.restarts.map(({ subject, outcome, because }) => ({ subject, outcome, because })),
    instances: (found.verification?.instances ?? []).map(({ instance, uid, proof, checks, reasons }) => ({
      name: instance,
      uid: uid ?? null,
      refresh: found.refresh.find((one) => one.instance === instance)?.outcome ?? "not sent",
      verdicts: Object.fromEntries(
        ["retired", "fresh", "forged"].map((kind) => [
          kind,
          checks.filter((one) => one.check === kind).map(({ verdict }) => verdict.kind),
        ]),
      ),
      proof,
      reasons,
    })),
    phases: found.phases.map(({ phase, outcome, startedAt, finishedAt }) => ({
      phase,
      outcome,
      startedAt,
      finishedAt,
    })),
  };
}
