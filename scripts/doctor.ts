import { writeFile } from "node:fs/promises";
import { redactor } from "#operations/base/redact";
import { exitCodeOf } from "#operations/doctor/finding";
import { UndoGuard } from "#operations/doctor/undo-guard";
import { checkStack } from "./doctor/doctor-check.ts";
import { renderText } from "./doctor/render.ts";
import { stopOnSignal } from "./doctor/stop-on-signal.ts";
import { usage } from "./doctor/usage.ts";
import { runOnStack, type StackOptions } from "./stack-options.ts";
import { readStack } from "./stack-reader.ts";

const couldNotRun = 2;

async function main({ place, json, markdown }: StackOptions): Promise<void> {
  if (markdown !== undefined) throw new Error(`--markdown: there is no such option here\n\n${usage}`);
  const { projectDir = process.cwd() } = place;
  const guard = new UndoGuard();
  stopOnSignal(guard, couldNotRun);
  const progress = (line: string) => console.error(line);
  const report = await checkStack(await readStack(place), { projectDir, env: process.env, guard, progress });
  // What instances and Keycloak have answered is shown; should a token be in it, it is taken out.
  const clean = redactor([]);
  console.log(clean(renderText(report)));
  if (json !== undefined) await writeFile(json, clean(`${JSON.stringify(report, null, 2)}\n`));
  process.exitCode = exitCodeOf(report.findings);
}

await runOnStack(usage, main, couldNotRun);
// A login plugin or a connection that hangs must not keep the process alive.
process.stdout.write("", () => process.exit());
