import { writeFile } from "node:fs/promises";
import { exitCodeOf } from "#operations/drift/finding";
import { checkDrift } from "./drift/drift-check.ts";
import { renderMarkdown, renderText } from "./drift/render.ts";
import { usage } from "./drift/usage.ts";
import { runOnStack, type StackOptions } from "./stack-options.ts";
import { readStack } from "./stack-reader.ts";

async function main({ place, json, markdown }: StackOptions): Promise<void> {
  const report = await checkDrift(await readStack(place), new Date().toISOString());
  console.log(renderText(report));
  if (json !== undefined) await writeFile(json, `${JSON.stringify(report, null, 2)}\n`);
  if (markdown !== undefined) await writeFile(markdown, renderMarkdown(report));
  process.exitCode = exitCodeOf(report.findings);
}

await runOnStack(usage, main);
