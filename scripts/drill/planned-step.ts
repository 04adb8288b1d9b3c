import { join } from "node:path";
import { styleText } from "node:util";
import { movedClockEnv } from "../lab/moved-clock.ts";
import type { OperationOptions } from "../lab/stack.ts";
import { type HeldTokens, isDead, isTrusted, type Reach, reachOf, shareOfInstances } from "./held-tokens.ts";
import { type Lab, nounOf } from "./open-lab.ts";
import { rotate } from "./rotate.ts";
import { say, sayPhase, title } from "./say.ts";
import { type DrillEvidence, restartLines, verificationTable } from "./show.ts";
import type { Users, UsersTally } from "./users.ts";

const minuteMs = 60_000;

export interface PlannedStep {
  name: "adoption" | "rotation" | "retirement";
  title: string;
  rotation: number;
  incident: string;
  /** Tokens of the key that the rotation replaces. */
  old: HeldTokens;
  /** How far the program's clock is moved ahead, in milliseconds. Default: 0. */
  clockMovedMs?: number;
}

export interface StepResult extends Pick<PlannedStep, "name" | "rotation"> {
  verified: boolean;
  clockMovedMs: number;
  /** What the preview said that the up would do. */
  plan: readonly string[];
  evidence: DrillEvidence;
  old: { kid: string } & Reach;
  users: UsersTally;
  report: string;
}

/** One step of the planned drill: preview, up, then a check of the old tokens and of the users. */
export async function takeStep(lab: Lab, users: Users, step: PlannedStep): Promise<StepResult> {
  const { scenario } = lab;
  const { name, rotation, incident, old, clockMovedMs = 0 } = step;
  title(step.title);
  const run = clockMovedMs === 0 ? {} : await moveClock(users, clockMovedMs);
  const plan = await preview(lab, step, run);
  const evidence = await rotate(scenario, { rotation, incident, run });
  showVerification(lab, evidence);
  const reach = await reachOf(scenario, old);
  const whose = `tokens signed by kid ${old.kid} earlier are ${shareOfInstances(scenario, reach)}`;
  sayPhase("tokens", `${whose}, and ${reach.issuer} by Keycloak`);
  const seen = await users.report();
  const asPlanned = name === "retirement" ? isDead(reach) : isTrusted(reach);
  const verified = evidence.outcome === "verified" && asPlanned && seen.failures.length === 0;
  const report = join(scenario.evidenceDir, incident, String(rotation), "report.md");
  const found = { plan, evidence, old: { kid: old.kid, ...reach }, users: seen, report };
  return { name, rotation, verified, clockMovedMs, ...found };
}

/**
 * How far to move the clock so that the overlap is over: a minute past its end, in whole minutes.
 *
 * @throws Error where the evidence does not say when the overlap ends
 */
export function pastOverlap({ retireAfter }: DrillEvidence): number {
  if (retireAfter === undefined) throw new Error("the evidence does not say when a key may be retired");
  return (Math.ceil((Date.parse(retireAfter) - Date.now()) / minuteMs) + 1) * minuteMs;
}

async function moveClock(users: Users, offsetMs: number): Promise<OperationOptions> {
  const moved = `The program's clock is moved ahead by ${offsetMs / minuteMs} min`;
  say(
    `${moved} instead of waiting for the overlap to end. The clocks of Keycloak, the API and the users do not move.`,
  );
  await users.forgetTokens();
  return { env: movedClockEnv(offsetMs) };
}

async function preview(
  { scenario, follower }: Lab,
  { rotation, incident }: PlannedStep,
  run: OperationOptions,
): Promise<readonly string[]> {
  await scenario.rotateTo(rotation, incident);
  const { exitCode } = await scenario.stack.preview([], run);
  if (exitCode !== 0) throw new Error(`the preview of rotation ${rotation} exited with ${exitCode}`);
  return follower.plan;
}

function showVerification({ scenario }: Lab, evidence: DrillEvidence): void {
  if (evidence.verification) console.log(verificationTable(evidence));
  else say(styleText("red", `the up ended before the ${nounOf(scenario)}s were verified`));
  for (const line of restartLines(evidence)) say(line);
}
