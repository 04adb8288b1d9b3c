import { styleText } from "node:util";
import Table from "cli-table3";
import { z } from "zod";
import type { Evidence } from "#operations/evidence/evidence-schema";

type Instances = NonNullable<Evidence["verification"]>["instances"];
export type CheckKind = Instances[number]["checks"][number]["check"];

/** The columns of the table, in their order: one for each kind of check that the evidence may hold. */
const columnHeads: Record<CheckKind, string> = {
  retired: "Retired key",
  earlier: "Earlier keys",
  passive: "Passive key",
  control: "Control token",
  fresh: "Fresh token",
  forged: "Forged tokens",
};
export const checkKinds = Object.keys(columnHeads) as CheckKind[];

const check = z.looseObject({
  check: z.enum(checkKinds),
  subject: z.string(),
  verdict: z.looseObject({ kind: z.string() }),
  ok: z.boolean(),
});

/** The part of evidence.json that the drill shows. Like an auditor, the drill reads nothing but the file. */
const evidence = z.looseObject({
  outcome: z.enum(["verified", "failed"]),
  error: z.string().optional(),
  stage: z.enum(["overlap", "final"]),
  retireAfter: z.string().optional(),
  phases: z.array(
    z.looseObject({
      phase: z.string(),
      outcome: z.string(),
      startedAt: z.string(),
      finishedAt: z.string(),
      summary: z.string(),
    }),
  ),
  retired: z.array(z.looseObject({ kid: z.string(), algorithm: z.string(), disabledAt: z.string() })),
  refresh: z.array(
    z.looseObject({ instance: z.string(), outcome: z.string(), reason: z.string().optional() }),
  ),
  restarts: z.array(
    z.looseObject({
      subject: z.string(),
      outcome: z.enum(["done", "failed"]),
      because: z.array(z.string()),
      reason: z.string().optional(),
    }),
  ),
  verification: z
    .looseObject({
      instances: z.array(
        z.looseObject({
          instance: z.string(),
          uid: z.string().optional(),
          proof: z.string(),
          verified: z.boolean(),
          checks: z.array(check),
          reasons: z.array(z.string()),
        }),
      ),
      denyList: z.array(z.looseObject({ instance: z.string(), ok: z.boolean() })).optional(),
    })
    .optional(),
  exposureWindow: z.looseObject({ ms: z.number(), exact: z.boolean() }).optional(),
});
export type DrillEvidence = z.infer<typeof evidence>;
type Check = z.infer<typeof check>;

export function readEvidence(text: string): DrillEvidence {
  return evidence.parse(JSON.parse(text));
}

/** One line for each workload that was restarted, and why. */
export function restartLines({ restarts }: DrillEvidence): string[] {
  return restarts.map(({ subject, outcome, because, reason }) => {
    const why = because.join("; ");
    if (outcome === "done") return `restarted ${subject}: ${why}`;
    return styleText("red", `${subject} could not be restarted (${why}): ${reason ?? "no reason was given"}`);
  });
}

/** The verification as a table: a row for each instance, a column for each kind of check that was made. */
export function verificationTable({ verification, refresh }: DrillEvidence): string {
  const instances = verification?.instances ?? [];
  const columns = columnsOf(instances.flatMap(({ checks }) => checks));
  const denyList = verification?.denyList;
  const table = new Table({
    head: [
      "Instance",
      "Refresh",
      ...columns.map(({ head }) => head),
      ...(denyList ? ["Deny-list"] : []),
      "Proof",
    ],
    style: { head: [], border: [] },
  });
  for (const { instance: name, checks, verified, proof } of instances) {
    table.push([
      name,
      refresh.find(({ instance }) => instance === name)?.outcome ?? "not sent",
      ...columns.map(({ kind }) => summarise(checks.filter(({ check }) => check === kind))),
      ...(denyList ? [denyListOf(denyList, name)] : []),
      verified ? styleText("green", proof) : styleText("red", `${proof}: NOT VERIFIED`),
    ]);
  }
  return table.toString();
}

function columnsOf(checks: readonly Check[]): { kind: Check["check"]; head: string }[] {
  return checkKinds
    .filter((kind) => checks.some((made) => made.check === kind))
    .map((kind) => ({ kind, head: columnHeads[kind] }));
}

function denyListOf(proofs: readonly { instance: string; ok: boolean }[], instance: string): string {
  const ok = proofs.find((proof) => proof.instance === instance)?.ok === true;
  return ok ? styleText("green", "works") : styleText("red", "not proven");
}

function summarise(checks: readonly Check[]): string {
  const text = [...new Set(checks.map(({ verdict }) => verdict.kind))].join(", ") || "not asked";
  return styleText(checks.length > 0 && checks.every(({ ok }) => ok) ? "green" : "red", text);
}
