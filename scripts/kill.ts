import { finished } from "#operations/base/side-by-side";
import { connection } from "#operations/keycloak/connection";
import { confirm, describePlan } from "./kill/confirm.ts";
import { KeptRun } from "./kill/kept-run.ts";
import { type KillPlan, planKill } from "./kill/kill-plan.ts";
import { killRealm, type OpenedPlan } from "./kill/kill-realm.ts";
import { type KillOptions, readOptions, usage } from "./kill/options.ts";
import { catchUp, exitCodeOf, type KillOutcome, renderOutcome } from "./kill/outcome.ts";
import { Refused } from "./kill/refused.ts";
import { StopRequest } from "./kill/stop.ts";

/** Opens what earlier runs have kept; before it is confirmed, because deriving the key takes a second. */
async function openKept({ realms }: KillPlan): Promise<OpenedPlan[]> {
  const { clientSecret, password } = await connection();
  const secret = clientSecret ?? password ?? "";
  return Promise.all(
    realms.map(async (realm) => ({ ...realm, kept: await KeptRun.open(realm.settings.run, secret) })),
  );
}

/** Rotates every realm of a confirmed plan, side by side. */
async function kill(plan: KillPlan, opened: readonly OpenedPlan[]): Promise<KillOutcome> {
  const { stack, incident, rotation, warnings } = plan;
  const stop = new StopRequest((line) => console.error(`\n${line}`));
  stop.listen();
  const run = { apiRefreshTokens: plan.apiRefreshTokens, confirmedAt: Date.now(), stop };
  // Nobody waits for a realm that is not rotated here.
  for (const realm of [...plan.leftOut, ...plan.refused.map((one) => one.realm)]) finished({ realm });
  const realms = await Promise.all(opened.map((realm) => killRealm(realm, run)));
  return {
    exitCode: exitCodeOf(realms, plan.refused.length),
    ...{ stack, incident, rotation, realms, warnings },
    refused: plan.refused.map(({ realm, problems }) => `realm ${realm}: ${problems.join("; ")}`),
    next: catchUp(stack, rotation, incident),
  };
}

function refusedOutcome(error: Refused, { stack, incident }: KillOptions): KillOutcome {
  const nothing = { realms: [], rotation: null, warnings: [], next: [] };
  return { exitCode: 2, stack, incident, ...nothing, refused: [...error.problems] };
}

async function killFor(options: KillOptions): Promise<KillOutcome> {
  try {
    const plan = await planKill(options, process.env);
    const opened = await openKept(plan);
    console.log(describePlan(plan));
    await confirm(plan, options, process);
    return await kill(plan, opened);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    console.error(error.message);
    return refusedOutcome(error, options);
  }
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2), process.cwd());
  if (options === "help") {
    console.log(usage);
    return 0;
  }
  const print = console.log;
  // The phases print their progress.
  if (options.json) console.log = console.error;
  const outcome = await killFor(options);
  if (outcome.exitCode !== 2) console.log(renderOutcome(outcome));
  if (options.json) print(JSON.stringify(outcome, null, 2));
  return outcome.exitCode;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Refused ? error.message : error);
  process.exitCode = error instanceof Refused ? 2 : 1;
}
