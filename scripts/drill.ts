import { writeFile } from "node:fs/promises";
import { isAbsolute, join, relative, resolve } from "node:path";
import { styleText } from "node:util";
import { type DrillOptions, readOptions, usage } from "./drill/options.ts";
import { type DrillEvidence, readEvidence, summary, verificationTable } from "./drill/show.ts";
import { countAccepting, issuerAccepts, type Loot, stealTokens } from "./drill/theft.ts";
import { openScenario, projectDir, type Scenario } from "./lab/scenario.ts";

const startedAt = Date.now();
const incidents = { adoption: "DRILL-ADOPTION", theft: "DRILL-THEFT" };

function say(line: string): void {
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1).padStart(6);
  console.log(`${styleText("dim", `${seconds} s`)}  ${line}`);
}

function title(text: string): void {
  console.log(`\n${styleText("bold", text)}`);
}

/** Of an engine's output, the phases are shown, and from the errors on everything. */
function follow(verbose: boolean): (line: string) => void {
  let failing = false;
  return (line) => {
    if (/^\s*Diagnostics:/.test(line)) failing = true;
    if (/^\s*(Resources|Outputs):/.test(line)) failing = false;
    const phase = /\[(canary|publish|cut-over|enforce|verify|evidence)\] (.*)/.exec(line);
    if (phase) say(`${styleText("cyan", (phase[1] ?? "").padEnd(9))} ${phase[2]}`);
    else if (verbose || failing) say(line);
  };
}

async function rotate(
  scenario: Scenario,
  rotation: number,
  incident: string,
): Promise<DrillEvidence | undefined> {
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

async function adopt(scenario: Scenario): Promise<void> {
  title("Rotation 1: adopt the realm, in emergency mode: its unmanaged default key is retired at once");
  const evidence = await rotate(scenario, 1, incidents.adoption);
  if (evidence?.outcome !== "verified")
    throw new Error("the adoption was not verified, so there is nothing to rehearse on");
}

async function emergency(
  scenario: Scenario,
  options: DrillOptions,
  loot: Loot,
): Promise<DrillEvidence | undefined> {
  const { instances } = scenario.fleet;
  let next = instances.length;
  for (const { kind, count } of options.misbehave) {
    const victims = instances.slice(Math.max(0, next - count), next);
    next -= count;
    for (const instance of victims) await instance.misbehave(kind);
    say(`${victims.map(({ name }) => name).join(", ")} will misbehave: ${kind}`);
  }
  title(`Rotation 2: emergency, key ${loot.kid} is stolen`);
  return rotate(scenario, 2, incidents.theft);
}

async function play(scenario: Scenario, options: DrillOptions): Promise<boolean> {
  await adopt(scenario);
  title("The theft");
  const loot = await stealTokens(scenario);
  const total = scenario.fleet.instances.length;
  say(
    `stolen tokens of key ${loot.kid} are accepted by ${await countAccepting(scenario, loot)} of ${total} instances`,
  );
  const evidence = await emergency(scenario, options, loot);
  if (!evidence) return false;
  title("Verification, instance by instance");
  console.log(verificationTable(evidence));
  const accepting = await countAccepting(scenario, loot);
  const issuer = (await issuerAccepts(scenario, loot)) ? "STILL ACCEPTED" : "refused";
  say(`the stolen tokens are accepted by ${accepting} of ${total} instances now, and ${issuer} by Keycloak`);
  const verified = evidence.outcome === "verified" && accepting === 0 && issuer === "refused";
  conclude(scenario, evidence, verified);
  if (options.json !== undefined) {
    await writeFile(
      options.json,
      `${JSON.stringify(summary(scenario.stack.engine, verified, evidence), null, 2)}\n`,
    );
  }
  return verified;
}

/** As a path below the project where it is one: then no path of this machine is shown. */
function belowProject(path: string): string {
  const below = relative(projectDir, resolve(path));
  return below.startsWith("..") || isAbsolute(below) ? resolve(path) : below;
}

function conclude(scenario: Scenario, { exposureWindow }: DrillEvidence, verified: boolean): void {
  const window = exposureWindow
    ? `${exposureWindow.exact ? "" : "at most "}${(exposureWindow.ms / 1000).toFixed(2)} s`
    : "still open";
  say(`exposure window: ${window}`);
  const report = join(scenario.evidenceDir, incidents.theft, "2", "report.md");
  say(`report: ${report}`);
  title(verified ? styleText("green", "VERIFIED: the stolen key is dead") : styleText("red", "NOT VERIFIED"));
}

/** Prints how to look around, and waits until the person has seen enough. */
async function keepRunning(scenario: Scenario): Promise<void> {
  title("Everything is still running. Ctrl-C ends it.");
  say(`Keycloak: ${scenario.keycloak.url}, realm ${scenario.realm}`);
  for (const { name, url } of scenario.fleet.instances) say(`${name}: ${url}/api/me`);
  say(`published keys: ${scenario.admin.jwksUri(scenario.realm)}`);
  say(`stack config and state: ${scenario.directory}`);
  const alive = setInterval(() => {}, 60_000);
  await new Promise((done) => process.once("SIGINT", done).once("SIGTERM", done));
  clearInterval(alive);
}

async function drill(options: DrillOptions): Promise<boolean> {
  title("Booting the lab");
  const scenario = await openScenario({
    instances: options.instances,
    evidenceDir: belowProject(options.evidenceDir),
    onProgress: say,
    onLine: follow(options.verbose),
  });
  say(
    `engine: ${scenario.stack.engine === "pulumi" ? `Pulumi CLI ${scenario.stack.version}` : "local engine (for drills and tests; production uses the Pulumi CLI)"}`,
  );
  try {
    const verified = await play(scenario, options);
    if (options.keep) await keepRunning(scenario);
    return verified;
  } finally {
    await scenario.dispose();
  }
}

function optionsOrExit(): DrillOptions | "help" {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    process.exit(2);
  }
}

const options = optionsOrExit();
if (options === "help") console.log(usage);
else process.exitCode = (await drill(options)) ? 0 : 1;
