import { writeFile } from "node:fs/promises";
import {
  type CheckedConfig,
  distinctTargets,
  type InspectedRealm,
  inspectStack,
} from "#operations/config/inspect-stack";
import { configureKubernetes } from "#operations/fleet/kubernetes/kubernetes-defaults";
import { knownRealms } from "./drift/known-state.ts";
import { type Due, dueEmergencyActions } from "./preview/due.ts";
import { previewByEngine } from "./preview/engine-preview.ts";
import type { PreviewSummary } from "./preview/preview-summary.ts";
import { reachTargets } from "./preview/reach.ts";
import { renderMarkdown } from "./preview/render-markdown.ts";
import { renderText } from "./preview/render-text.ts";
import { summarize } from "./preview/summary.ts";
import { usage } from "./preview/usage.ts";
import { runOnStack, type StackOptions } from "./stack-options.ts";
import { defaultRunner, namespaceOf, readStack, type StackContents } from "./stack-reader.ts";

/** Inspects everything that an `up` would inspect, and changes nothing. */
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
  const targetLists = config ? [config.targets, ...realms.flatMap(({ entry }) => entry.targets ?? [])] : [];
  const targets = await reachTargets(distinctTargets(targetLists.flat()));
  const now = new Date().toISOString();
  return summarize({
    stack: place.stack,
    given,
    inspection,
    engine,
    targets,
    verified: lastVerified(contents),
    due: config
      ? Object.fromEntries(realms.map((realm) => [realm.name, dueOf(contents, config, realm)]))
      : {},
    now,
  });
}

/** Whether the last cut-over of every realm was verified; undefined where there was none. */
function lastVerified(contents: StackContents): boolean | undefined {
  const known = knownRealms(contents);
  return known.length === 0 ? undefined : known.every(({ verified }) => verified);
}

function dueOf(contents: StackContents, config: CheckedConfig, { name, plan }: InspectedRealm): Due {
  const { rotation, mode, freeze, sessions, internalKeys } = config;
  const run = { realm: name, rotation, mode, stage: plan?.stage ?? "final" };
  return dueEmergencyActions(contents, { ...run, freeze, revoke: sessions.revoke, internalKeys });
}

async function main(options: StackOptions): Promise<void> {
  const summary = await preview(options);
  console.log(renderText(summary));
  if (options.markdown !== undefined) await writeFile(options.markdown, renderMarkdown(summary));
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(summary, null, 2)}\n`);
  const isAnyRefused = summary.realms.some(({ problems }) => problems.length > 0);
  process.exitCode = summary.outcome === "refused" || isAnyRefused ? 1 : 0;
}

await runOnStack(usage, main);
