import { styleText } from "node:util";
import { type Holders, mintTokens, openFrontend } from "./held-tokens.ts";
import type { Lab } from "./open-lab.ts";
import type { DrillOptions } from "./options.ts";
import { type PlannedStep, pastOverlap, type StepResult, takeStep } from "./planned-step.ts";
import { misbehave } from "./rotate.ts";
import { say, title } from "./say.ts";
import { plannedSummary, writeSummary } from "./summary.ts";
import { startUsers, type Users } from "./users.ts";

type PlannedDrill = { lab: Lab; users: Users; holders: Holders; options: DrillOptions; steps: StepResult[] };

/** Adopts the realm, rotates its key and retires both old keys, while users work. Stops at the first red step. */
export async function playPlanned(lab: Lab, options: DrillOptions): Promise<boolean> {
  const { scenario } = lab;
  title("The users");
  const holders = await openFrontend(scenario, "trudy");
  const users = await startUsers(scenario);
  const drill = { lab, users, holders, options, steps: [] };
  const isGreen = await takeSteps(drill).finally(() => users.stop());
  const verified = isGreen && users.tally.failures.length === 0;
  conclude(drill, verified);
  if (options.json !== undefined) {
    const { engine } = scenario.stack;
    await writeSummary(options.json, plannedSummary(engine, verified, drill.steps, users.tally));
  }
  return verified;
}

async function takeSteps(drill: PlannedDrill): Promise<boolean> {
  const adopted = await overlapAndEnd(drill, {
    name: "adoption",
    title: "Rotation 1: adopt the realm, planned: the realm's default key stops signing and stays trusted",
    rotation: 1,
    incident: "DRILL-ADOPTION",
  });
  if (!adopted) return false;
  await misbehave(drill.lab.scenario, drill.options);
  return overlapAndEnd(drill, {
    name: "rotation",
    title: "Rotation 2, planned: the key of rotation 1 stops signing and stays trusted",
    rotation: 2,
    incident: "DRILL-PLANNED",
  });
}

/** A rotation, and after its overlap the retirement of the key that it replaced. */
async function overlapAndEnd(drill: PlannedDrill, rotation: Omit<PlannedStep, "old">): Promise<boolean> {
  const { lab, users, holders, steps } = drill;
  const old = await mintTokens(lab.scenario, holders);
  const overlap = await takeStep(lab, users, { ...rotation, old });
  steps.push(overlap);
  if (!overlap.verified) return false;
  const retirement = await takeStep(lab, users, {
    ...rotation,
    name: "retirement",
    title: `Rotation ${rotation.rotation}, after its overlap: pulumi up with the same config retires kid ${old.kid}`,
    old,
    clockMovedMs: pastOverlap(overlap.evidence),
  });
  steps.push(retirement);
  return retirement.verified;
}

function conclude({ steps, users }: PlannedDrill, verified: boolean): void {
  const { requests, failures } = users.tally;
  say(`users: ${requests} requests, ${failures.length} failed`);
  for (const report of new Set(steps.map((step) => step.report))) say(`report: ${report}`);
  const green = "VERIFIED: two keys were replaced and retired, and no request of a user failed";
  title(verified ? styleText("green", green) : styleText("red", "NOT VERIFIED"));
  const error = steps.at(-1)?.evidence.error;
  if (!verified && error !== undefined) say(error);
}
