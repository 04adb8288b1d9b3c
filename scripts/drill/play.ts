import { join } from "node:path";
import { styleText } from "node:util";
import { KubernetesScenario } from "../lab/kubernetes-scenario.ts";
import { BackOffice } from "./back-office.ts";
import { Churn } from "./churn.ts";
import { FreezeWatch } from "./freeze-watch.ts";
import {
  type HeldTokens,
  isDead,
  mintTokens,
  openFrontend,
  reachOf,
  shareOfInstances,
} from "./held-tokens.ts";
import { type DrillScenario, type Lab, nounOf } from "./open-lab.ts";
import type { DrillOptions } from "./options.ts";
import type { DemoResult, PhaseDemo } from "./phase-demo.ts";
import { misbehave, type Rotated, rotate } from "./rotate.ts";
import { say, title } from "./say.ts";
import { type DrillEvidence, restartLines, verificationTable } from "./show.ts";
import { StolenSession } from "./stolen-session.ts";
import { emergencySummary, writeSummary } from "./summary.ts";

const incidents = { adoption: "DRILL-ADOPTION", theft: "DRILL-THEFT" };

/** Long enough to see the watch after the proof, in seconds. */
const watchSeconds = 5;

/** Adopts the realm, steals a key, rotates it away, and shows who still accepts its tokens. */
export async function playEmergency(lab: Lab, options: DrillOptions): Promise<boolean> {
  const { scenario } = lab;
  await adopt(scenario);
  title("The theft");
  const loot = await stealTokens(scenario);
  const demos = await beginDemos(scenario, options);
  await misbehave(scenario, options);
  title(`Rotation 2: emergency, key ${loot.kid} is stolen`);
  const evidence = await emergency(lab, options, demos);
  title(`Verification, ${nounOf(scenario)} by ${nounOf(scenario)}`);
  console.log(verificationTable(evidence));
  for (const line of restartLines(evidence)) say(line);
  const over = await isTheftOver(scenario, loot);
  const known = await isEveryoneListed(scenario, evidence);
  const green = evidence.outcome === "verified";
  const results = await endDemos(demos, green);
  const verified = green && over && known && results.every(({ ok }) => ok);
  conclude(scenario, evidence, verified);
  if (options.json !== undefined) {
    const found = Object.fromEntries(
      demos.map(({ name }, index) => [name, { ok: results[index]?.ok, ...results[index]?.found }]),
    );
    await writeSummary(options.json, emergencySummary(scenario.stack.engine, verified, evidence, found));
  }
  return verified;
}

async function adopt(scenario: DrillScenario): Promise<void> {
  title("Rotation 1: adopt the realm, in emergency mode: its unmanaged default key is retired at once");
  const evidence = await rotate(scenario, { rotation: 1, incident: incidents.adoption });
  if (evidence.outcome !== "verified")
    throw new Error("the adoption was not verified, so the emergency can't be rehearsed");
}

/** Mints tokens with the key that the drill then calls stolen: whoever has the key could sign the same. */
async function stealTokens(scenario: DrillScenario): Promise<HeldTokens> {
  const loot = await mintTokens(scenario, await openFrontend(scenario, "mallory"));
  const reach = await reachOf(scenario, loot);
  say(`stolen tokens of key ${loot.kid} are ${shareOfInstances(scenario, reach)}`);
  return loot;
}

async function beginDemos(scenario: DrillScenario, { sessions, freeze }: DrillOptions): Promise<PhaseDemo[]> {
  if (!sessions && !freeze) return [];
  const office = await BackOffice.open(scenario);
  return [
    ...(sessions ? [await StolenSession.begin(office)] : []),
    ...(freeze ? [await FreezeWatch.begin(office)] : []),
  ];
}

async function emergency(
  { scenario, follower }: Lab,
  options: DrillOptions,
  demos: readonly PhaseDemo[],
): Promise<Rotated> {
  const churn =
    options.churn && scenario instanceof KubernetesScenario ? new Churn(scenario.fleet) : undefined;
  follower.listeners.push(...demos.map(({ onPhase }) => onPhase), ...(churn ? [churn.onPhase] : []));
  const config = Object.assign({ probe: { watchSeconds } }, ...demos.map(({ config }) => config));
  const evidence = await rotate(scenario, { rotation: 2, incident: incidents.theft, config });
  await churn?.settled();
  return evidence;
}

async function endDemos(demos: readonly PhaseDemo[], verified: boolean): Promise<DemoResult[]> {
  if (demos.length > 0) title("Sessions and freeze");
  const results: DemoResult[] = [];
  for (const demo of demos) results.push(await demo.after(verified));
  return results;
}

async function isTheftOver(scenario: DrillScenario, loot: HeldTokens): Promise<boolean> {
  const reach = await reachOf(scenario, loot);
  const issuer = reach.issuer === "accepted" ? "STILL ACCEPTED" : "refused";
  say(`the stolen tokens are now ${shareOfInstances(scenario, reach)}, and ${issuer} by Keycloak`);
  return isDead(reach);
}

/** Whether the evidence lists every instance that serves now. */
async function isEveryoneListed({ fleet }: DrillScenario, { verification }: DrillEvidence): Promise<boolean> {
  const listed = new Set(verification?.instances.map(({ instance }) => instance));
  const missing = (await fleet.list()).map(({ name }) => name).filter((name) => !listed.has(name));
  for (const name of missing) say(styleText("red", `${name} serves requests but is not in the evidence`));
  return missing.length === 0;
}

function conclude(
  scenario: DrillScenario,
  { exposureWindow, timeToDeadMs }: Rotated,
  verified: boolean,
): void {
  if (timeToDeadMs !== null)
    say(
      `time to dead: ${(timeToDeadMs / 1000).toFixed(1)} s from the start of pulumi up to the key's disabling`,
    );
  const window = exposureWindow
    ? `${exposureWindow.exact ? "" : "at most "}${(exposureWindow.ms / 1000).toFixed(2)} s`
    : "still open";
  say(`exposure window: ${window}`);
  say(`report: ${join(scenario.evidenceDir, incidents.theft, "2", "report.md")}`);
  title(verified ? styleText("green", "VERIFIED: the stolen key is dead") : styleText("red", "NOT VERIFIED"));
}
