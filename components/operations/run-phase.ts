import { stripVTControlCharacters } from "node:util";
import { messageOf } from "./errors.ts";
import type { Findings, RunContext } from "./evidence.ts";
import type { PhaseName, PhaseRecord } from "./evidence-schema.ts";
import { tellEnd, told } from "./notify/run-notices.ts";
import { LineBudget } from "./progress.ts";
import { afterTheOthers, type SideBySide, underWay } from "./side-by-side.ts";
import { errorTypeOf } from "./telemetry/error-type.ts";
import { endTrace, inPhase } from "./telemetry.ts";
import { writeEvidence } from "./write-evidence.ts";

type Reporter = PhaseName | "token" | "evidence" | "thaw";

const budgets = new Map<string, LineBudget>();

/**
 * Shows one line, whatever was shown before. Pulumi forwards a provider's standard output as it comes.
 * @param run names the realm where the run has several
 */
export function report(phase: Reporter, line: string, run?: SideBySide): void {
  const { prefix, budget } = reporterOf(phase, run);
  console.log(`${prefix} ${printable(budget.close(line))}`);
}

/** Makes a function that shows lines of progress as they come, and leaves some out where there are too many. */
export function progressOf(phase: Reporter, run?: SideBySide): (line: string) => void {
  const { prefix, budget } = reporterOf(phase, run);
  return (line) => {
    const shown = budget.take(line);
    if (shown !== undefined) console.log(`${prefix} ${printable(shown)}`);
  };
}

/** What an instance or a command has written must not move the reader's cursor, nor look like a line of ours. */
export function printable(text: string): string {
  return stripVTControlCharacters(text).replace(/[^\P{Cc}\n]|[\u202a-\u202e\u2066-\u2069]/gu, " ");
}

function reporterOf(phase: Reporter, run?: SideBySide): { prefix: string; budget: LineBudget } {
  const where = run && run.realms.length > 1 ? `${run.realm} ` : "";
  const key = `${run?.realm ?? ""} ${phase}`;
  const budget = budgets.get(key) ?? new LineBudget();
  budgets.set(key, budget);
  return { prefix: `[${where}${phase}]`, budget };
}

/**
 * Runs a phase that cannot go on after a failure, and times it. When it fails, the evidence is written before the
 * error goes on, because the resources that come later, `Evidence` among them, will not run; and other realms of the
 * same run are let come to their end.
 *
 * @param before what the phases before this one have found
 * @param work answers its result and a one-line summary
 */
export async function runPhase<T>(
  run: RunContext,
  phase: PhaseName,
  before: Findings,
  work: () => Promise<{ result: T; summary: string }>,
): Promise<{ result: T; record: PhaseRecord }> {
  try {
    return await underWay(run, () => inPhase(run, phase, () => recordPhase(run, phase, before, work)));
  } catch (error) {
    const traced = endTrace(run, errorTypeOf(error));
    await afterTheOthers(run);
    await Promise.all([told(run), traced]);
    throw error;
  }
}

async function recordPhase<T>(
  run: RunContext,
  phase: PhaseName,
  before: Findings,
  work: () => Promise<{ result: T; summary: string }>,
): Promise<{ result: T; record: PhaseRecord }> {
  const startedAt = new Date().toISOString();
  try {
    const { result, summary } = await work();
    report(phase, summary, run);
    return {
      result,
      record: { phase, outcome: "done", startedAt, finishedAt: new Date().toISOString(), summary },
    };
  } catch (error) {
    const finishedAt = new Date().toISOString();
    const summary = "failed";
    const record: PhaseRecord = {
      phase,
      outcome: "failed",
      startedAt,
      finishedAt,
      summary,
      error: messageOf(error),
    };
    await writeFailure(run, phase, { ...before, phases: [...before.phases, record] });
    throw error;
  }
}

/** The phase's own error is what the reader needs, so trouble with the evidence is only reported beside it. */
async function writeFailure(run: RunContext, phase: PhaseName, findings: Findings): Promise<void> {
  try {
    const { evidence, reportPath } = await writeEvidence(run, findings);
    tellEnd(run, "failed", evidence);
    report(phase, `failed; evidence: ${reportPath}`, run);
  } catch (error) {
    tellEnd(run, "failed");
    report(phase, messageOf(error), run);
  }
}
