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
  /** Of the key that the rotation takes out of service. */
  old: HeldTokens;
  /** How far the program's clock is ahead, in milliseconds. Default: not at all. */
  clockMovedMs?: number;
}

export interface StepResult extends Pick<PlannedStep, "name" | "rotation"> {
  verified: boolean;
  clockMovedMs: number;
  /** What the preview has said before. */
  plan: readonly string[];
  evidence: DrillEvidence;
  old: { kid: string } & Reach;
  users: UsersTally;
  report: string;
}

/** A step of the planned rotation: preview, up, and a look at what became of old tokens and of the users. */
export async function takeStep(lab: Lab, users: Users, step: PlannedStep): Promise<StepResult> {
  const { scenario } = lab;
  const { name, rotation, incident, old, clockMovedMs = 0 } = step;
  title(step.title);
  const run = clockMovedMs === 0 ? {} : await moveClock(users, clockMovedMs);
  const plan = await preview(lab, step, run);
  const evidence = await rotate(scenario, { rotation, incident, run });
  showVerification(lab, evidence);
  const reach = await reachOf(scenario, old);
  const whose = `those signed by kid ${old.kid} before are ${shareOfInstances(scenario, reach)}`;
  sayPhase("tokens", `${whose}, and ${reach.issuer} by Keycloak`);
  const seen = await users.report();
  const asPlanned = name === "retirement" ? isDead(reach) : isTrusted(reach);
  const verified = evidence.outcome === "verified" && asPlanned && seen.failures.length === 0;
  const report = join(scenario.evidenceDir, incident, String(rotation), "report.md");
  const found = { plan, evidence, old: { kid: old.kid, ...reach }, users: seen, report };
  return { name, rotation, verified, clockMovedMs, ...found };
}

/**
 * How far the clock must go ahead so that the overlap is over: a minute more than that, in whole minutes.
 *
 * @throws Error where the overlap's end is not in the evidence
 */
export function pastOverlap({ retireAfter }: DrillEvidence): number {
  if (retireAfter === undefined) throw new Error("the evidence says of no key when it may be retired");
  return (Math.ceil((Date.parse(retireAfter) - Date.now()) / minuteMs) + 1) * minuteMs;
}

async function moveClock(users: Users, offsetMs: number): Promise<OperationOptions> {
  const moved = `The program's clock is moved by ${offsetMs / minuteMs} min`;
  say(`${moved}: the overlap is not waited for. Keycloak, the API and the users keep theirs.`);
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
  if (exitCode !== 0) throw new Error(`the preview of rotation ${rotation} ended with ${exitCode}`);
  return follower.plan;
}

function showVerification({ scenario }: Lab, evidence: DrillEvidence): void {
  if (evidence.verification) console.log(verificationTable(evidence));
  else say(styleText("red", `the up ended before the ${nounOf(scenario)}s were verified`));
  for (const line of restartLines(evidence)) say(line);
}
