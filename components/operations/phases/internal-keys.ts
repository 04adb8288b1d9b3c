import { changed } from "../base/changed.ts";
import { messageOf } from "../base/errors.ts";
import { progressOf, report } from "../base/report.ts";
import type { RunContext } from "../base/run-context.ts";
import type { PhaseRecord } from "../evidence/evidence-schema.ts";
import type { InternalKeysResult } from "../evidence/findings.ts";
import { type InternalKeyKind, rotateInternalKeys } from "../keys/internal-keys.ts";
import { keyAdminOf } from "./lease.ts";
import { detailsOf, type PhaseInputs, type Step, stepOf } from "./phase-request.ts";
import { inProgress } from "./run-phase.ts";

export interface InternalKeysInputs extends PhaseInputs<object> {
  /** Which of the realm's internal keys an emergency rotates. */
  internalKeys: InternalKeyKind[];
}

export interface InternalKeysOutputs extends Step {
  /** Those of the config when they were rotated last. */
  internalKeys: InternalKeyKind[];
  result: InternalKeysResult | null;
  record: PhaseRecord | null;
  /** The rotation that they were last rotated for; null where they never were. */
  rotatedFor: number | null;
}

/** Whether internal keys are to be rotated: in an emergency, once for each rotation, and again where it did not work. */
export function areInternalKeysDue(
  { rotation, mode, internalKeys }: Pick<InternalKeysInputs, "rotation" | "mode" | "internalKeys">,
  previous?: Partial<InternalKeysOutputs>,
): boolean {
  if (mode !== "emergency" || internalKeys.length === 0) return false;
  const isDone = previous?.rotatedFor === rotation && previous.result?.failures.length === 0;
  return !isDone || changed({ ...previous }, { internalKeys }, ["internalKeys"]).length > 0;
}

/** Rotates the realm's internal keys. Never throws: what fails is a result, and makes the verification red. */
export async function internalKeysPhase(
  inputs: InternalKeysInputs,
  previous?: Partial<InternalKeysOutputs>,
): Promise<InternalKeysOutputs> {
  const { internalKeys } = inputs;
  const own = { ...stepOf(inputs), internalKeys };
  if (!areInternalKeysDue(inputs, previous)) return { ...own, result: null, record: null, rotatedFor: null };
  const { run } = detailsOf(inputs);
  return {
    ...own,
    ...(await inProgress(run, "internal-keys", () => rotateAll(run, internalKeys))),
  };
}

type Rotated = Pick<InternalKeysOutputs, "result" | "record" | "rotatedFor">;

async function rotateAll(run: RunContext, kinds: InternalKeyKind[]): Promise<Rotated> {
  const startedAt = new Date().toISOString();
  const result = await rotate(run, kinds);
  const names = result.keys.map(({ componentName }) => componentName);
  const summary = [...(names.length > 0 ? [`now active: ${names.join(", ")}`] : []), ...result.failures].join(
    "; ",
  );
  report("internal-keys", summary, run);
  const outcome = result.failures.length === 0 ? "done" : "failed";
  const finishedAt = new Date().toISOString();
  const record: PhaseRecord = { phase: "internal-keys", outcome, startedAt, finishedAt, summary };
  return { result, record, rotatedFor: run.rotation };
}

async function rotate(run: RunContext, kinds: InternalKeyKind[]): Promise<InternalKeysResult> {
  try {
    const admin = await keyAdminOf(run);
    const progress = progressOf("internal-keys", run);
    return {
      keys: await rotateInternalKeys(admin, { rotation: run.rotation, kinds }, progress),
      failures: [],
    };
  } catch (error) {
    return { keys: [], failures: [messageOf(error)] };
  }
}
