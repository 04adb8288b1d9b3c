import { messageOf, RotationError } from "#operations/base/errors";
import { acknowledgements } from "#operations/config/acknowledgements";
import { inspectStack, parseStructured } from "#operations/config/inspect-stack";
import { type RealmSettings, realmSettings } from "#operations/config/realm-settings";
import { settingsShape } from "#operations/config/settings-shape";
import { connection, readConnection } from "#operations/keycloak/connection";
import { KeycloakAdmin } from "#operations/keycloak/keycloak-admin";
import { listKeyComponents, listSigningKeys, type RealmKey } from "#operations/keys/realm-keys";
import { configureRun } from "#phases/configure";
import { apiRefreshTokens } from "./api-refresh-tokens.ts";
import { killRotation, type RealmState } from "./kill-rotation.ts";
import type { KillOptions } from "./options.ts";
import { Refused } from "./refused.ts";
import { namespaceOf, type StackValues, stackValues } from "./stack-values.ts";

/** What is about to be done to one realm. */
export interface RealmPlan {
  settings: RealmSettings;
  /** The keys that are disabled. */
  dying: RealmKey[];
}

/** What is about to be done, before it is confirmed. */
export interface KillPlan {
  stack: string;
  incident: string;
  rotation: number;
  /** Where Keycloak is. */
  keycloakUrl: string;
  realms: RealmPlan[];
  /** Realms of the config that can't be rotated, and why: the others are rotated regardless. */
  refused: { realm: string; problems: string[] }[];
  /** Realms of the config that are left alone because of `--realm`. */
  leftOut: string[];
  warnings: string[];
  /** Secret. The bearer tokens that instances may have. */
  apiRefreshTokens: string[];
}

/**
 * Finds out what the kill will do, and changes nothing.
 *
 * @throws {Refused} with every problem
 */
export async function planKill(options: KillOptions, env: NodeJS.ProcessEnv): Promise<KillPlan> {
  const values = await stackValues(options, env);
  const lookup = (key: string) => values.values[key] ?? values.values[`${values.project}:${key}`];
  const read = readConnection((key) => lookup(`keycloak:${key}`) || undefined, env);
  if ("problems" in read) throw new Refused(read.problems);
  configureRun((key) => lookup(key) || undefined);
  const wanted = await wantedConfig(options, values);
  const keycloak = namespaceOf(values, "keycloak");
  const { config, realms, problems, warnings } = await inspectStack(wanted, (key) => keycloak[key], false);
  if (problems.length > 0 || !config) throw new Refused(problems);
  const names = realmNames(values);
  const tokens = await apiRefreshTokens(config, realms, env);
  const usable = realms.filter((realm) => realm.problems.length === 0);
  const acknowledge = acknowledgements(config);
  return {
    stack: options.stack,
    incident: options.incident,
    rotation: config.rotation,
    keycloakUrl: read.connection.url,
    realms: usable.map((realm) => ({
      settings: realmSettings(config, realm, { realms: names, stack: options.stack, acknowledge }),
      dying: (realm.plan?.changes ?? []).flatMap((change) => (change.kind === "disable" ? [change.key] : [])),
    })),
    refused: realms
      .filter((realm) => realm.problems.length > 0)
      .map((realm) => ({ realm: realm.name, problems: realm.problems })),
    leftOut: names.filter((name) => !realms.some((realm) => realm.name === name)),
    warnings: [
      ...values.warnings,
      ...warnings,
      ...realms.flatMap((realm) => realm.plan?.warnings ?? []),
      ...tokens.warnings,
    ],
    apiRefreshTokens: tokens.tokens,
  };
}

/** The stack's own config, set to an emergency for this incident. */
async function wantedConfig(
  { incident, realm }: KillOptions,
  values: StackValues,
): Promise<Record<string, string>> {
  const given = namespaceOf(values, values.project);
  const all = realmNames(values);
  if (realm !== undefined && !all.includes(realm))
    throw new Refused([`--realm: the config has no realm ${realm}; it has ${all.join(", ") || "none"}`]);
  const states = await Promise.all(all.map((name) => stateOf(name)));
  const configured = settingsShape.shape.rotation.safeParse(given.rotation).data;
  const rotation = killRotation(states, incident, configured);
  const only =
    realm === undefined
      ? {}
      : { realm: JSON.stringify(rawEntries(values).filter((entry) => nameOf(entry) === realm)) };
  return { ...given, ...only, rotation: String(rotation), mode: "emergency", incident };
}

function realmNames(values: StackValues): string[] {
  return rawEntries(values).flatMap((entry) => nameOf(entry) ?? []);
}

/** The config's realms as they stand there: a name, or a list of names and objects. What is wrong with them is said later. */
function rawEntries(values: StackValues): unknown[] {
  const { realm } = parseStructured(namespaceOf(values, values.project));
  return [realm ?? []].flat();
}

function nameOf(entry: unknown): string | undefined {
  const name = typeof entry === "object" && entry !== null && "name" in entry ? entry.name : entry;
  return typeof name === "string" ? name : undefined;
}

/** A realm that can't be read has its problem reported with the others'. */
async function stateOf(realm: string): Promise<RealmState> {
  const admin = new KeycloakAdmin(await connection(), realm);
  try {
    const [keys, components] = await Promise.all([listSigningKeys(admin), listKeyComponents(admin)]);
    return { keys, components };
  } catch (error) {
    if (!(error instanceof RotationError)) throw new Refused([messageOf(error)]);
    return { keys: [], components: [] };
  }
}
