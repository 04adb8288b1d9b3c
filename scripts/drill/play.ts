import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { styleText } from "node:util";
import { KubernetesScenario } from "../lab/kubernetes-scenario.ts";
import { Churn } from "./churn.ts";
import type { DrillScenario, Lab } from "./open-lab.ts";
import type { DrillOptions } from "./options.ts";
import { say, title } from "./say.ts";
import { type DrillEvidence, readEvidence, restartLines, verificationTable } from "./show.ts";
import { summary } from "./summary.ts";
import { countAccepting, issuerAccepts, type Loot, stealTokens } from "./theft.ts";

const incidents = { adoption: "DRILL-ADOPTION", theft: "DRILL-THEFT" };

/** Adopts the realm, steals a key, rotates it away, and looks what its tokens are still good for. */
export async function play(lab: Lab, options: DrillOptions): Promise<boolean> {
  const { scenario } = lab;
  await adopt(scenario);
  title("The theft");
  const loot = await stealTokens(scenario);
  const before = await countAccepting(scenario, loot);
  say(
    `stolen tokens of key ${loot.kid} are accepted by ${before.accepting} of ${before.total} ${nounOf(scenario)}`,
  );
  await misbehave(scenario, options);
  title(`Rotation 2: emergency, key ${loot.kid} is stolen`);
  const evidence = await emergency(lab, options);
  title(`Verification, ${scenario instanceof KubernetesScenario ? "pod by pod" : "instance by instance"}`);
  console.log(verificationTable(evidence));
  for (const line of restartLines(evidence)) say(line);
  const isDead = await isTheftOver(scenario, loot);
  const strangers = await unlisted(scenario, evidence);
  for (const name of strangers) say(styleText("red", `${name} serves, and is not in the evidence`));
  const verified = evidence.outcome === "verified" && isDead && strangers.length === 0;
  conclude(scenario, evidence, verified);
  if (options.json !== undefined) {
    const machine = summary(scenario.stack.engine, verified, evidence);
    await writeFile(options.json, `${JSON.stringify(machine, null, 2)}\n`);
  }
  return verified;
}

function nounOf(scenario: DrillScenario): string {
  return scenario instanceof KubernetesScenario ? "pods" : "instances";
}

async function adopt(scenario: DrillScenario): Promise<void> {
  title("Rotation 1: adopt the realm, in emergency mode: its unmanaged default key is retired at once");
  const evidence = await rotate(scenario, 1, incidents.adoption);
  if (evidence.outcome !== "verified")
    throw new Error("the adoption was not verified, so there is nothing to rehearse on");
}

async function misbehave(scenario: DrillScenario, options: DrillOptions): Promise<void> {
  const instances = await scenario.fleet.list();
  let next = instances.length;
  for (const { kind, count } of options.misbehave) {
    const victims = instances.slice(Math.max(0, next - count), next);
    next -= count;
    for (const instance of victims) await instance.misbehave(kind);
    say(`${victims.map(({ name }) => name).join(", ")} will misbehave: ${kind}`);
  }
}

async function emergency({ scenario, follower }: Lab, options: DrillOptions): Promise<DrillEvidence> {
  if (!options.churn || !(scenario instanceof KubernetesScenario)) {
    return rotate(scenario, 2, incidents.theft);
  }
  const churn = new Churn(scenario.fleet);
  follower.onPhase = churn.onPhase;
  const evidence = await rotate(scenario, 2, incidents.theft);
  await churn.settled();
  return evidence;
}

async function rotate(scenario: DrillScenario, rotation: number, incident: string): Promise<DrillEvidence> {
  await scenario.rotateTo(rotation, incident);
  const { exitCode, output } = await scenario.stack.up();
  const text = await scenario.evidence(incident, rotation).catch(() => undefined);
  if (text === undefined) {
    console.log(output);
    throw new Error(`the up at rotation ${rotation} ended with ${exitCode} and left no evidence`);
  }
  const evidence = readEvidence(text);
  if ((exitCode === 0) !== (evidence.outcome === "verified")) {
    throw new Error(`the up ended with ${exitCode}, and its evidence says ${evidence.outcome}`);
  }
  return evidence;
}

async function isTheftOver(scenario: DrillScenario, loot: Loot): Promise<boolean> {
  const { accepting, total } = await countAccepting(scenario, loot);
  const issuer = (await issuerAccepts(scenario, loot)) ? "STILL ACCEPTED" : "refused";
  say(
    `the stolen tokens are accepted by ${accepting} of ${total} ${nounOf(scenario)} now, and ${issuer} by Keycloak`,
  );
  return accepting === 0 && issuer === "refused";
}

/** Those that serve now and that the evidence knows nothing of. */
async function unlisted({ fleet }: DrillScenario, { verification }: DrillEvidence): Promise<string[]> {
  const listed = new Set(verification?.instances.map(({ instance }) => instance));
  return (await fleet.list()).map(({ name }) => name).filter((name) => !listed.has(name));
}

function conclude(scenario: DrillScenario, { exposureWindow }: DrillEvidence, verified: boolean): void {
  const window = exposureWindow
    ? `${exposureWindow.exact ? "" : "at most "}${(exposureWindow.ms / 1000).toFixed(2)} s`
    : "still open";
  say(`exposure window: ${window}`);
  say(`report: ${join(scenario.evidenceDir, incidents.theft, "2", "report.md")}`);
  title(verified ? styleText("green", "VERIFIED: the stolen key is dead") : styleText("red", "NOT VERIFIED"));
}
