import { styleText } from "node:util";
import { type Holders, mintTokens, openFrontend } from "./held-tokens.ts";
import type { Lab } from "./open-lab.ts";
import type { DrillOptions } from "./options.ts";
import { type PlannedStep, pastOverlap, type StepResult, takeStep } from "./planned-step.ts";
import { misbehave } from "./rotate.ts";
import { say, title } from "./say.ts";
import { plannedSummary, writeSummary } from "./summary.ts";
import { letUsersCome, type Users } from "./users.ts";

type Story = { lab: Lab; users: Users; holders: Holders; options: DrillOptions; steps: StepResult[] };

/** Adopts the realm, rotates its key and retires both old ones, while users work; stops at the first red step. */
export async function playPlanned(lab: Lab, options: DrillOptions): Promise<boolean> {
  const { scenario } = lab;
  title("The users");
  const holders = await openFrontend(scenario, "trudy");
  const users = await letUsersCome(scenario);
  const story = { lab, users, holders, options, steps: [] };
  const isGreen = await tell(story).finally(() => users.leave());
  const verified = isGreen && users.tally.failures.length === 0;
  conclude(story, verified);
  if (options.json !== undefined) {
    const { engine } = scenario.stack;
    await writeSummary(options.json, plannedSummary(engine, verified, story.steps, users.tally));
  }
  return verified;
}

async function tell(story: Story): Promise<boolean> {
  const adopted = await overlapAndEnd(story, {
    name: "adoption",
    title: "Rotation 1: adopt the realm, planned: its unmanaged default key stops signing and stays trusted",
    rotation: 1,
    incident: "DRILL-ADOPTION",
  });
  if (!adopted) return false;
  await misbehave(story.lab.scenario, story.options);
  return overlapAndEnd(story, {
    name: "rotation",
    title: "Rotation 2, planned: the key of rotation 1 stops signing and stays trusted",
    rotation: 2,
    incident: "DRILL-PLANNED",
  });
}

/** A rotation, and once its overlap is over, the retirement of what it has taken out of service. */
async function overlapAndEnd(story: Story, rotation: Omit<PlannedStep, "old">): Promise<boolean> {
  const { lab, users, holders, steps } = story;
  const old = await mintTokens(lab.scenario, holders);
  const overlap = await takeStep(lab, users, { ...rotation, old });
  steps.push(overlap);
  if (!overlap.verified) return false;
  const retirement = await takeStep(lab, users, {
    ...rotation,
    name: "retirement",
    title: `Rotation ${rotation.rotation}, after its overlap: the same config again retires kid ${old.kid}`,
    old,
    clockMovedMs: pastOverlap(overlap.evidence),
  });
  steps.push(retirement);
  return retirement.verified;
}

function conclude({ steps, users }: Story, verified: boolean): void {
  const { requests, failures } = users.tally;
  say(`users: ${requests} requests, ${failures.length} failed`);
  for (const report of new Set(steps.map((step) => step.report))) say(`report: ${report}`);
  const green = "VERIFIED: two keys rotated out and retired, and no user noticed";
  title(verified ? styleText("green", green) : styleText("red", "NOT VERIFIED"));
  const error = steps.at(-1)?.evidence.error;
  if (!verified && error !== undefined) say(error);
}
