import { createInterface } from "node:readline/promises";
import { describeKey } from "#operations/keys/realm-keys";
import type { KillPlan, RealmPlan } from "./kill-plan.ts";
import type { KillOptions } from "./options.ts";
import { Refused } from "./refused.ts";

/** What is about to be done, for the person who confirms it. Pure. */
export function describePlan(plan: KillPlan): string {
  const { stack, incident, rotation, keycloakUrl, realms, refused, leftOut, warnings } = plan;
  return [
    `Emergency rotation ${rotation} for ${incident}, without Pulumi; config of stack ${stack}; Keycloak at ${keycloakUrl}`,
    ...realms.flatMap(describeRealm),
    ...refused.flatMap(({ realm, problems }) => [
      `Realm ${realm} can't be rotated, and is not touched:`,
      ...problems.map((problem) => `  - ${problem}`),
    ]),
    ...leftOut.map(
      (realm) => `Realm ${realm} is left alone now (--realm); the up that follows will rotate it, too`,
    ),
    ...(warnings.length > 0 ? ["Warnings:", ...warnings.map((warning) => `  - ${warning}`)] : []),
  ].join("\n");
}

function describeRealm({ settings, dying }: RealmPlan): string[] {
  const { run, actions, algorithms } = settings;
  return [
    `Realm ${run.realm}:`,
    ...(dying.length > 0
      ? [`  these keys die: ${dying.map(describeKey).join(", ")}`, `  new keys: ${algorithms.join(", ")}`]
      : ["  no key is left to disable: the instances are told and proven"]),
    ...(actions.length > 0 ? ["  in this order:", ...actions.map((action) => `    - ${action}`)] : []),
  ];
}

/**
 * Has a person, or the command line, name the realms that are rotated.
 *
 * @throws {Refused} where they are not named exactly
 */
export async function confirm(
  plan: KillPlan,
  { confirmed }: Pick<KillOptions, "confirmed">,
  terminal: Pick<NodeJS.Process, "stdin" | "stderr">,
): Promise<void> {
  const names = plan.realms.map(({ settings }) => settings.run.realm);
  if (names.length === 0) throw new Refused(plan.refused.flatMap(({ problems }) => problems));
  if (confirmed !== undefined) return refuseOthers(names, confirmed, "--yes");
  if (!terminal.stdin.isTTY)
    throw new Refused([`not confirmed: there is no terminal to ask on; give --yes ${names.join(",")}`]);
  refuseOthers(names, (await ask(names, terminal)).split(","), "the answer");
}

async function ask(
  names: readonly string[],
  { stdin, stderr }: Pick<NodeJS.Process, "stdin" | "stderr">,
): Promise<string> {
  const lines = createInterface({ input: stdin, output: stderr });
  const what = names.length === 1 ? "the realm's name" : "the realms' names, with commas between them,";
  const abort = new AbortController();
  lines.on("SIGINT", () => abort.abort());
  lines.on("close", () => abort.abort());
  try {
    return await lines.question(`\nNothing was touched yet. Type ${what} to go on: `, {
      signal: abort.signal,
    });
  } catch {
    throw new Refused(["not confirmed"]);
  } finally {
    lines.close();
  }
}

function refuseOthers(wanted: readonly string[], given: readonly string[], where: string): void {
  const named = new Set(given.map((name) => name.trim()).filter((name) => name !== ""));
  if (named.size === wanted.length && wanted.every((name) => named.has(name))) return;
  throw new Refused([
    `not confirmed: ${where} names ${[...named].join(", ") || "nothing"}, and what would be rotated is ${wanted.join(", ")}`,
  ]);
}
