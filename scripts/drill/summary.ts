import { writeFile } from "node:fs/promises";
import type { StepResult } from "./planned-step.ts";
import type { Rotated } from "./rotate.ts";
import { checkKinds, type DrillEvidence } from "./show.ts";
import type { UsersTally } from "./users.ts";

/** The results of one `up`. */
export interface UpSummary {
  exposureWindowMs: number | null;
  restarts: { subject: string; outcome: string; because: string[] }[];
  instances: {
    name: string;
    uid: string | null;
    refresh: string;
    verdicts: Record<string, string[]>;
    /** Whether its deny-list was shown to work; null where it was not checked. */
    denyList: boolean | null;
    proof: string;
    reasons: string[];
  }[];
  phases: { phase: string; outcome: string; startedAt: string; finishedAt: string }[];
}

export interface EmergencySummary extends UpSummary {
  /** Milliseconds from the start of the `up` to the old key's disabling; null where none was disabled. */
  timeToDeadMs: number | null;
  engine: string;
  mode: "emergency";
  verified: boolean;
  /** What each demo has shown, by its name. */
  demos: Record<string, object>;
}

/** `exposureWindowMs`, `restarts`, `instances` and `phases` are those of the last step; each step has its own too. */
export interface PlannedSummary extends UpSummary {
  engine: string;
  mode: "planned";
  verified: boolean;
  traffic: UsersTally;
  steps: (UpSummary & Omit<StepResult, "evidence" | "users"> & StepTraffic)[];
}

interface StepTraffic {
  error: string | null;
  /** From the drill's start to the end of this step. */
  traffic: { requests: number; failures: number };
}

/** The machine-readable summary of an emergency. */
export function emergencySummary(
  engine: string,
  verified: boolean,
  found: Rotated,
  demos: Record<string, object>,
): EmergencySummary {
  const { timeToDeadMs } = found;
  return { engine, mode: "emergency", verified, timeToDeadMs, ...upSummary(found), demos };
}

/** The machine-readable summary of a planned rotation. */
export function plannedSummary(
  engine: string,
  verified: boolean,
  results: readonly StepResult[],
  traffic: UsersTally,
): PlannedSummary {
  const steps = results.map(({ evidence, users, ...rest }) => ({
    ...rest,
    error: evidence.error ?? null,
    traffic: { requests: users.requests, failures: users.failures.length },
    ...upSummary(evidence),
  }));
  const { exposureWindowMs = null, restarts = [], instances = [], phases = [] } = steps.at(-1) ?? {};
  return { engine, mode: "planned", verified, exposureWindowMs, restarts, instances, phases, traffic, steps };
}

export async function writeSummary(file: string, machine: object): Promise<void> {
  await writeFile(file, `${JSON.stringify(machine, null, 2)}\n`);
}

function upSummary({ exposureWindow, restarts, verification, refresh, phases }: DrillEvidence): UpSummary {
  return {
    exposureWindowMs: exposureWindow?.ms ?? null,
    restarts: restarts.map(({ subject, outcome, because }) => ({ subject, outcome, because })),
    instances: (verification?.instances ?? []).map(({ instance, uid, proof, checks: made, reasons }) => ({
      name: instance,
      uid: uid ?? null,
      refresh: refresh.find((one) => one.instance === instance)?.outcome ?? "not sent",
      verdicts: Object.fromEntries(
        checkKinds.map((kind) => [
          kind,
          made.filter((one) => one.check === kind).map(({ verdict }) => verdict.kind),
        ]),
      ),
      denyList: verification?.denyList?.find((one) => one.instance === instance)?.ok ?? null,
      proof,
      reasons,
    })),
    phases: phases.map(({ phase, outcome, startedAt, finishedAt }) => ({
      phase,
      outcome,
      startedAt,
      finishedAt,
    })),
  };
}
