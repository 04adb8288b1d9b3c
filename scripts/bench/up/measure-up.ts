import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Evidence, evidenceSchema } from "#operations/evidence/evidence-schema";
import { unwind } from "../../lab/scenario-boot.ts";
import type { LabStack, RunResult } from "../../lab/stack.ts";
import { openUpScenario, type UpQuestion, type UpScenario } from "./up-scenario.ts";

/** One round: an emergency, and beside each run of the program the same of an empty program. Milliseconds. */
export interface UpRound {
  emptyPreview: number;
  preview: number;
  emptyUp: number;
  /** From the start of the engine to the last old key's disabling. */
  dead: number;
  /** From the disabling to the last instance's proof; absent where one is unproven. */
  window?: number;
  /** From the first refresh's start to the last one's end. */
  fanOut: number;
  /** The whole emergency `up`. */
  whole: number;
  /** An `up` after it that changes nothing; absent after a red one, which is verified again. */
  unchanged?: number;
}

export interface UpResult extends UpQuestion {
  rounds: UpRound[];
}

/** Rotates in an emergency, some times, over one fleet. */
export async function measureUp(question: UpQuestion, empty: LabStack, rounds: number): Promise<UpResult> {
  const undo: (() => Promise<unknown>)[] = [];
  try {
    const scenario = await openUpScenario(question, undo);
    const measured: UpRound[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      measured.push(await measureRound(scenario, empty, round + 1));
    }
    return { ...question, rounds: measured };
  } finally {
    await unwind(undo);
  }
}

async function measureRound(
  { stack, evidenceDir }: UpScenario,
  empty: LabStack,
  rotation: number,
): Promise<UpRound> {
  const incident = `BENCH-${rotation}`;
  await stack.setConfig({ rotation, incident });
  const emptyPreview = await timed(() => empty.preview());
  const preview = await timed(() => stack.preview());
  const emptyUp = await timed(() => empty.up());
  const emergency = await timed(() => stack.up(), "red or green");
  const evidence = await readEvidence(join(evidenceDir, incident, String(rotation), "evidence.json"));
  const isGreen = evidence.outcome === "verified";
  const { exposureWindow } = evidence;
  return {
    emptyPreview: emptyPreview.ms,
    preview: preview.ms,
    emptyUp: emptyUp.ms,
    dead: lastDisabling(evidence) - emergency.startedAt,
    ...(exposureWindow ? { window: exposureWindow.ms } : {}),
    fanOut: fanOutOf(evidence),
    whole: emergency.ms,
    ...(isGreen ? { unchanged: (await timed(() => stack.up())).ms } : {}),
  };
}

async function timed(
  run: () => Promise<RunResult>,
  expected: "green" | "red or green" = "green",
): Promise<{ startedAt: number; ms: number }> {
  const startedAt = Date.now();
  const { exitCode, output } = await run();
  const ms = Date.now() - startedAt;
  if (exitCode !== 0 && expected === "green") throw new Error(output);
  return { startedAt, ms };
}

async function readEvidence(file: string): Promise<Evidence> {
  return evidenceSchema.parse(JSON.parse(await readFile(file, "utf8")));
}

function lastDisabling({ retired }: Evidence): number {
  if (retired.length === 0) throw new Error("the emergency retired no key");
  return Math.max(...retired.map(({ disabledAt }) => Date.parse(disabledAt)));
}

function fanOutOf({ refresh }: Evidence): number {
  const times = (pick: (one: Evidence["refresh"][number]) => string) =>
    refresh.map((one) => Date.parse(pick(one)));
  return Math.max(...times((one) => one.finishedAt)) - Math.min(...times((one) => one.startedAt));
}
