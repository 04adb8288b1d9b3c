import { clusterLine } from "./drill/cluster-line.ts";
import { type Lab, openLab, whereaboutsOf } from "./drill/open-lab.ts";
import { type DrillOptions, readOptions } from "./drill/options.ts";
import { playEmergency } from "./drill/play.ts";
import { playPlanned } from "./drill/play-planned.ts";
import { say, title } from "./drill/say.ts";
import { usage } from "./drill/usage.ts";

const couldNotStart = 2;

/** Prints where everything is, and waits for Ctrl-C. */
async function keepRunning({ scenario }: Lab): Promise<void> {
  title("Everything is still running. Press Ctrl-C to stop it.");
  for (const line of whereaboutsOf(scenario)) say(line);
  const alive = setInterval(() => {}, 60_000);
  await new Promise((done) => process.once("SIGINT", done).once("SIGTERM", done));
  clearInterval(alive);
}

function engineLine({ scenario: { stack } }: Lab): string {
  return stack.engine === "pulumi"
    ? `engine: Pulumi CLI ${stack.version}`
    : "engine: local engine (for drills and tests; production uses the Pulumi CLI)";
}

async function boot(options: DrillOptions): Promise<Lab> {
  if (options.kubernetes) say(clusterLine());
  title("Booting the lab");
  return openLab(options);
}

async function drill(lab: Lab, options: DrillOptions): Promise<number> {
  say(engineLine(lab));
  try {
    const play = options.mode === "planned" ? playPlanned : playEmergency;
    const verified = await play(lab, options);
    if (options.keep) await keepRunning(lab);
    return verified ? 0 : 1;
  } finally {
    await lab.scenario.dispose();
  }
}

function failToStart(error: unknown, more = ""): undefined {
  console.error(`${error instanceof Error ? error.message : error}${more}`);
  process.exitCode = couldNotStart;
}

function readArguments(): DrillOptions | "help" | undefined {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    return failToStart(error, `\n\n${usage}`);
  }
}

const options = readArguments();
if (options === "help") console.log(usage);
else if (options) {
  const lab = await boot(options).catch((error: unknown) => failToStart(error));
  if (lab) process.exitCode = await drill(lab, options);
}
