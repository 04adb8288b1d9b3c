import { isDeepStrictEqual } from "node:util";
import type { z } from "zod";
import { within } from "../base/within.ts";
import { type KeycloakConnection, type Lookup, readConnection } from "../keycloak/connection.ts";
import { hurryIn } from "../keycloak/hurry.ts";
import { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { algorithms } from "../keys/realm-keys.ts";
import type { EmergencyQuestion } from "./inspect-emergency.ts";
import { inspectPublished, inspectPublishedInPassing, type PublishedQuestion } from "./inspect-published.ts";
import { inspectRealm, type RealmInspection, type RealmQuestion } from "./inspect-realm.ts";
import { inspectTargets, type TargetInspection } from "./inspect-targets.ts";
import { contradictions, type RealmEntry, settingsShape, structuredKeys } from "./settings-shape.ts";
import type { ConfiguredTarget } from "./target-shape.ts";
import { validOrDefault } from "./valid-or-default.ts";

/** The stack config's own keys, checked. */
export type CheckedConfig = z.infer<typeof settingsShape>;
type Raw = Readonly<Record<string, unknown>>;

/** Result of the inspection of one realm. */
export type InspectedRealm = RealmInspection & { name: string; entry: RealmEntry };

export interface StackInspection {
  /** Absent where something in the config is wrong. */
  config?: CheckedConfig;
  realms: InspectedRealm[];
  /** Everything that keeps an `up` from starting. One of several realms that can't be rotated does not stop the others. */
  problems: string[];
  /** What should be known and is not a mistake in the config. */
  warnings: string[];
}

/**
 * Reads the stack config's own keys, and checks whether Keycloak and the clusters allow an `up`, without changing
 * anything. The valid parts of the config are used even if others are wrong, so that all problems are found at once.
 *
 * @param given values by key as Pulumi hands them out: lists and objects as JSON; empty ones left out
 * @param keycloak a value of the `keycloak:` namespace
 * @param isPreview if true, missing rights that only an `up` needs are warnings
 */
export async function inspectStack(
  given: Readonly<Record<string, string>>,
  keycloak: Lookup,
  isPreview: boolean,
): Promise<StackInspection> {
  const structured = parseStructured(given);
  const checked = checkConfig(given);
  const read = readConnection(keycloak);
  const [found, targets] = await Promise.all([
    "problems" in read ? [] : inspectRealms(read.connection, structured, isPreview),
    structured.mode === "emergency" ? inspectInPassing(structured, isPreview) : inspectAllTargets(structured),
  ]);
  const realms = isPreview ? found : found.map(withoutRights);
  const rights = [...found, targets].flatMap(({ missingRights }) => missingRights);
  const isLone = realms.length === 1 || realms.every(({ problems }) => problems.length > 0);
  return {
    ...(checked.config ? { config: checked.config } : {}),
    realms,
    problems: [
      ...checked.problems,
      ...("problems" in read ? read.problems : []),
      ...(isLone ? realms.flatMap((one) => problemsOf(one, realms.length)) : []),
      ...targets.problems,
      ...(isPreview ? [] : targets.missingRights),
    ],
    warnings: [
      ...targets.warnings,
      ...(checked.config?.acknowledge ?? []).map(
        ({ kid, reason }) => `acknowledge: kid ${kid} counts as dead without a proof: ${reason}`,
      ),
      ...(isPreview ? rights.map((right) => `the update would be refused for this client: ${right}`) : []),
    ],
  };
}

/** The stack config's own keys, checked alone: neither Keycloak nor a cluster is asked. */
export function checkConfig(given: Readonly<Record<string, string>>): {
  /** Absent where something is wrong. */
  config?: CheckedConfig;
  problems: string[];
} {
  const structured = parseStructured(given);
  const parsed = settingsShape.safeParse(structured);
  return {
    ...(parsed.success ? { config: parsed.data } : {}),
    problems: [...(parsed.error?.issues.map(describeIssue) ?? []), ...contradictions(structured)],
  };
}

/** Each target once, even if several realms name it. */
export function distinctTargets(targets: readonly ConfiguredTarget[]): ConfiguredTarget[] {
  return targets.filter(
    (target, index) => !targets.slice(0, index).some((one) => isDeepStrictEqual(one, target)),
  );
}

function withoutRights({ problems, missingRights, ...realm }: InspectedRealm): InspectedRealm {
  return { ...realm, missingRights, problems: [...problems, ...missingRights] };
}

function problemsOf({ name, problems }: InspectedRealm, count: number): string[] {
  return count > 1 ? problems.map((problem) => `realm ${name}: ${problem}`) : problems;
}

/** The config's own values as the shape expects them: lists and objects parsed from JSON. */
export function parseStructured(given: Readonly<Record<string, string>>): Raw {
  const entries = Object.entries(given).map(([key, value]) => [
    key,
    structuredKeys.includes(key) && (key !== "realm" || value.startsWith("[")) ? parseJson(value) : value,
  ]);
  return Object.fromEntries(entries);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function inspectRealms(
  connection: KeycloakConnection,
  given: Raw,
  isPreview: boolean,
): Promise<InspectedRealm[]> {
  const realms = settingsShape.shape.realm.safeParse(given.realm).data ?? [];
  return Promise.all(
    realms.map(async (entry) => {
      const question = { ...questionFor(entry, given), ...(isPreview ? { passingMs: patientMs } : {}) };
      const admin = new KeycloakAdmin(connection, entry.name, isPreview ? {} : hurryIn(question.mode));
      const published = publishedQuestion(question, entry, given);
      return { name: entry.name, entry, ...(await inspectOne(admin, question, published)) };
    }),
  );
}

/** What a run will read matters only where it has something to do. */
async function inspectOne(
  admin: KeycloakAdmin,
  question: RealmQuestion,
  published: PublishedQuestion,
): Promise<RealmInspection> {
  const isEmergency = question.mode === "emergency";
  const passing = isEmergency ? inspectPublishedInPassing(admin, published) : undefined;
  const inspection = await inspectRealm(admin, question);
  const { plan, problems } = inspection;
  if (!plan || plan.changes.length === 0) return inspection;
  const found = await (passing ?? inspectPublished(admin, published));
  if (!isEmergency) return { ...inspection, problems: [...problems, ...found] };
  return { ...inspection, plan: { ...plan, warnings: [...plan.warnings, ...found.map(regardless)] } };
}

function publishedQuestion(
  { algorithms }: RealmQuestion,
  { jwksUris }: RealmEntry,
  given: Raw,
): PublishedQuestion {
  const { shape } = settingsShape;
  return {
    algorithms,
    jwksUris: jwksUris ?? validOrDefault(shape.jwksUris, given.jwksUris),
    audience: validOrDefault(shape.probe, given.probe).audience,
  };
}

function regardless(cost: string): string {
  return `the keys are disabled regardless, but: ${cost}`;
}

/** What is asked of one realm, with defaults for what is wrong in the config. */
export function questionFor(entry: RealmEntry, given: Raw): RealmQuestion {
  const { shape } = settingsShape;
  const probe = validOrDefault(shape.probe, given.probe);
  return {
    rotation: shape.rotation.safeParse(given.rotation).data ?? Number.POSITIVE_INFINITY,
    mode: shape.mode.safeParse(given.mode).data ?? "emergency",
    incident: validOrDefault(shape.incident, given.incident),
    algorithms: entry.algorithms ?? shape.algorithms.safeParse(given.algorithms).data ?? algorithms,
    exemptKeys: entry.exemptKeys ?? validOrDefault(shape.exemptKeys, given.exemptKeys),
    overlapSeconds: validOrDefault(shape.overlapSeconds, given.overlapSeconds),
    allowShortOverlap: validOrDefault(shape.allowShortOverlap, given.allowShortOverlap),
    keepRetired: validOrDefault(shape.keepRetired, given.keepRetired),
    clockSkewSeconds: probe.clockSkewSeconds,
    probeHasRoles: probe.realmRoles.length > 0,
    emergency: emergencyQuestion(given),
    acknowledged: validOrDefault(shape.acknowledge, given.acknowledge).map(({ kid }) => kid),
  };
}

function emergencyQuestion(given: Raw): EmergencyQuestion {
  const { shape } = settingsShape;
  const sessions = validOrDefault(shape.sessions, given.sessions);
  return {
    freeze: validOrDefault(shape.freeze, given.freeze),
    revoke: sessions.revoke,
    internalKeys: validOrDefault(shape.internalKeys, given.internalKeys),
    adminRoles: sessions.adminProbe.realmRoles,
  };
}

/** As long as most clusters take, in milliseconds. It is time in which a stolen key is alive. */
const passingMs = 1_000;
/** In a preview nothing is to be disabled yet, and the reader wants to know. */
const patientMs = 15_000;

/** In an emergency nothing that is wrong with a target keeps a stolen key alive, and no cluster is waited for. */
async function inspectInPassing(structured: Raw, isPreview: boolean): Promise<TargetInspection> {
  const ms = isPreview ? patientMs : passingMs;
  const unknown = `the targets could not be checked within ${ms / 1_000} s`;
  const late = { problems: [unknown], missingRights: [], warnings: [] };
  const { problems, missingRights, warnings } = (await within(ms, inspectAllTargets(structured))) ?? late;
  const costs = [...problems, ...missingRights].map(regardless);
  return { problems: [], missingRights: [], warnings: [...warnings, ...costs] };
}

function inspectAllTargets({ targets, restart, realm }: Raw): Promise<TargetInspection> {
  const { shape } = settingsShape;
  const realms = shape.realm.safeParse(realm).data ?? [];
  const common = shape.targets.safeParse(targets).data ?? [];
  const all = distinctTargets([common, ...realms.flatMap((one) => one.targets ?? [])].flat());
  return inspectTargets(all, validOrDefault(shape.restart, restart));
}

function describeIssue(issue: z.core.$ZodIssue): string {
  if (issue.code === "unrecognized_keys") {
    const keys = issue.keys.map((key) => pathOf([...issue.path, key])).join(", ");
    return `${keys}: no such key; Pulumi.yaml describes all keys`;
  }
  return `${pathOf(issue.path)}: ${issue.message}`;
}

function pathOf(parts: readonly PropertyKey[]): string {
  const text = parts.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("");
  return text.replace(/^\./, "");
}
