import { writeFile } from "node:fs/promises";
import { exitCodeOf } from "#operations/drift/finding";
import { messageOf } from "#operations/errors";
import { checkDrift } from "./drift/drift-check.ts";
import { renderMarkdown, renderText } from "./drift/render.ts";
import { usage } from "./drift/usage.ts";
import { readStackOptions, type StackOptions } from "./stack-options.ts";
import { readStack } from "./stack-reader.ts";

async function main({ place, json, markdown }: StackOptions): Promise<void> {
  const report = await checkDrift(await readStack(place), new Date().toISOString());
  console.log(renderText(report));
  if (json !== undefined) await writeFile(json, `${JSON.stringify(report, null, 2)}\n`);
  if (markdown !== undefined) await writeFile(markdown, renderMarkdown(report));
  process.exitCode = exitCodeOf(report.findings);
}

/** What is wrong with the command line is told with what it takes. */
function readArguments(): StackOptions | "help" {
  try {
    return readStackOptions(process.argv.slice(2));
  } catch (error) {
    throw new Error(`${messageOf(error)}\n\n${usage}`, { cause: error });
  }
}

try {
  const options = readArguments();
  if (options === "help") console.log(usage);
  else await main(options);
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 1;
}
