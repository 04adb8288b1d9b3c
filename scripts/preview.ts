import { writeFile } from "node:fs/promises";
import { messageOf } from "#operations/errors";
import { distinctTargets, inspectStack } from "#operations/inspect-stack";
import { configureKubernetes } from "#operations/kubernetes/kubernetes-defaults";
import { previewByEngine } from "./preview/engine-preview.ts";
import type { PreviewSummary } from "./preview/preview-summary.ts";
import { reachTargets } from "./preview/reach.ts";
import { renderMarkdown } from "./preview/render-markdown.ts";
import { renderText } from "./preview/render-text.ts";
import { summarize } from "./preview/summary.ts";
import { usage } from "./preview/usage.ts";
import { readStackOptions, type StackOptions } from "./stack-options.ts";
import { defaultRunner, namespaceOf, readStack, type StackContents } from "./stack-reader.ts";

/** Looks at everything that an `up` would look at, and changes nothing. */
async function preview({ place }: StackOptions): Promise<PreviewSummary> {
  const runner = await defaultRunner(place.projectDir);
  const contents = await readStack(place, runner);
  const given = namespaceOf(contents, contents.project);
  const keycloak = namespaceOf(contents, "keycloak");
  const kubernetes = namespaceOf(contents, "kubernetes");
  configureKubernetes((key) => kubernetes[key]);
  const [inspection, engine] = await Promise.all([
    inspectStack(given, (key) => keycloak[key], true),
    previewByEngine(place, runner),
  ]);
  const { config, realms } = inspection;
  const lists = config ? [config.instances, ...realms.flatMap(({ entry }) => entry.instances ?? [])] : [];
  const targets = await reachTargets(distinctTargets(lists.flat()));
  const now = new Date().toISOString();
  return summarize({
    stack: place.stack,
    given,
    inspection,
    engine,
    targets,
    verified: lastVerified(contents),
    now,
  });
}

/** Whether every realm's last verification was green; undefined where there was none. */
function lastVerified({ resources }: StackContents): boolean | undefined {
  const verdicts = resources
    .filter(({ type }) => type.endsWith("jwks:Verification"))
    .map(({ outputs }) => outputs.verified);
  return verdicts.length === 0 ? undefined : verdicts.every((verified) => verified === true);
}

async function main(options: StackOptions): Promise<void> {
  const summary = await preview(options);
  console.log(renderText(summary));
  if (options.markdown !== undefined) await writeFile(options.markdown, renderMarkdown(summary));
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(summary, null, 2)}\n`);
  process.exitCode = summary.outcome === "refused" ? 1 : 0;
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
