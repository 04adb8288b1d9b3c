import type { AskedInstance } from "./ask-instance.ts";
import { type Examined, exitCodeOf, type Finding, type Outcome, outcomeOf, sortFindings } from "./finding.ts";

/** What the doctor has found, in the form that `--json` writes. */
export interface DoctorReport {
  schemaVersion: 1;
  stack: string;
  /** ISO 8601 UTC. */
  checkedAt: string;
  tookMs: number;
  /** `ready`: an emergency would end green. */
  outcome: "ready" | "not-ready";
  checks: { check: Examined["check"]; realm: string; outcome: Outcome; seen: string }[];
  /** The most severe first. */
  findings: Finding[];
  /** Every instance, with its verdicts. */
  instances: (AskedInstance & { realm: string })[];
}

export type ReportFacts = Pick<DoctorReport, "stack" | "checkedAt" | "tookMs" | "instances"> & {
  examined: readonly Examined[];
};

/** Pure. */
export function buildReport({ examined, ...facts }: ReportFacts): DoctorReport {
  const findings = withoutDoubles(sortFindings(examined.flatMap((one) => one.findings)));
  return {
    schemaVersion: 1,
    ...facts,
    outcome: exitCodeOf(findings) === 0 ? "ready" : "not-ready",
    checks: examined.map(({ check, realm, seen, ...one }) => ({
      check,
      realm,
      outcome: outcomeOf(one),
      seen,
    })),
    findings,
  };
}

/** What keeps several checks from being made is said once, where it is worst. */
function withoutDoubles(findings: readonly Finding[]): Finding[] {
  const key = ({ code, realm, what }: Finding) => JSON.stringify([code, realm, what]);
  const keys = findings.map(key);
  return findings.filter((_, index) => keys.indexOf(keys[index] ?? "") === index);
}
