import { styleText } from "node:util";
import Table from "cli-table3";
import { z } from "zod";

const check = z.looseObject({
  check: z.enum(["fresh", "retired", "forged"]),
  subject: z.string(),
  verdict: z.looseObject({ kind: z.string() }),
  ok: z.boolean(),
});

/** The part of evidence.json that the drill shows. The lab reads the file, as an auditor would, and not the program. */
const evidence = z.looseObject({
  outcome: z.enum(["verified", "failed"]),
  error: z.string().optional(),
  phases: z.array(
    z.looseObject({
      phase: z.string(),
      outcome: z.string(),
      startedAt: z.string(),
      finishedAt: z.string(),
      summary: z.string(),
    }),
  ),
  retired: z.array(z.looseObject({ kid: z.string(), algorithm: z.string() })),
  refresh: z.array(
    z.looseObject({ instance: z.string(), outcome: z.string(), reason: z.string().optional() }),
  ),
  verification: z
    .looseObject({
      instances: z.array(
        z.looseObject({
          instance: z.string(),
          proof: z.string(),
          verified: z.boolean(),
          checks: z.array(check),
          reasons: z.array(z.string()),
        }),
      ),
    })
    .optional(),
  exposureWindow: z.looseObject({ ms: z.number(), exact: z.boolean() }).optional(),
});
export type DrillEvidence = z.infer<typeof evidence>;

export function readEvidence(text: string): DrillEvidence {
  return evidence.parse(JSON.parse(text));
}

/** The verification as a table, one row for each instance. */
export function verificationTable({ verification, refresh }: DrillEvidence): string {
  const table = new Table({
    head: ["Instance", "Refresh", "Retired key", "Fresh token", "Forged tokens", "Proof"],
    style: { head: [], border: [] },
  });
  for (const one of verification?.instances ?? []) {
    const verdictsOf = (kind: string) => summarise(one.checks.filter(({ check }) => check === kind));
    table.push([
      one.instance,
      refresh.find(({ instance }) => instance === one.instance)?.outcome ?? "not sent",
      verdictsOf("retired"),
      verdictsOf("fresh"),
      verdictsOf("forged"),
      one.verified ? styleText("green", one.proof) : styleText("red", `${one.proof}: NOT VERIFIED`),
    ]);
  }
  return table.toString();
}

function summarise(checks: readonly z.infer<typeof check>[]): string {
  const text = [...new Set(checks.map(({ verdict }) => verdict.kind))].join(", ") || "not asked";
  return styleText(checks.length > 0 && checks.every(({ ok }) => ok) ? "green" : "red", text);
}

export interface DrillSummary {
  engine: string;
  verified: boolean;
  exposureWindowMs: number | null;
  instances: {
    name: string;
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
    instances: (found.verification?.instances ?? []).map(({ instance, proof, checks, reasons }) => ({
      name: instance,
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
