import { isDeepStrictEqual } from "node:util";
import * as pulumi from "@pulumi/pulumi";
import type { JWK } from "jose";
import type { z } from "zod";
import { type KeycloakConnection, readConnection } from "#operations/connection";
import type { EmergencyQuestion } from "#operations/inspect-emergency";
import { inspectRealm, type RealmInspection, type RealmQuestion } from "#operations/inspect-realm";
import { inspectTargets } from "#operations/inspect-targets";
import { KeycloakAdmin } from "#operations/keycloak-admin";
import { configureKubernetes } from "#operations/kubernetes/kubernetes-defaults";
import { algorithms } from "#operations/realm-keys";
import {
  type ConfiguredTarget,
  contradictions,
  type RealmEntry,
  settingsShape,
  structuredKeys,
} from "#operations/settings-shape";
import type { KeyRotationArgs } from "./components/key-rotation.ts";

/** Everything that the stack config says, checked. */
export interface Settings extends Pick<KeyRotationArgs, "refresh" | "restart"> {
  /** One for each realm. */
  rotations: RealmSettings[];
  /** Whether the config has a list of realms: outputs then go by realm. */
  hasRealmList: boolean;
  /** All realms' targets. */
  targets: ConfiguredTarget[];
  /** Where it is not given, the program generates one. */
  refreshToken?: pulumi.Output<string>;
  /** Another number makes the program generate another one. */
  refreshTokenVersion: number;
  /** The `kubernetes:` config namespace. */
  kubernetes: { kubeconfig?: pulumi.Output<string>; context?: string };
  /** Public half of the key that signs evidence, a JWK; null where there is none. */
  evidenceKey: Promise<JWK | null>;
}

/** What the rotation of one realm takes. */
export interface RealmSettings extends Omit<KeyRotationArgs, "refreshTokens"> {
  /** Of the resource. */
  name: string;
  /** What it was called when it was the only one. */
  aliases: pulumi.Alias[];
}

type Shape = z.infer<typeof settingsShape>;
type Raw = Record<string, unknown>;

/**
 * Reads the stack config, and asks Keycloak whether the realm can be rotated, without changing anything.
 *
 * @throws {pulumi.RunError} SETTINGS_INVALID with every problem found
 */
export async function readSettings(): Promise<Settings> {
  const raw = readNamespace(pulumi.getProject());
  const structured = parseStructured(raw);
  const parsed = settingsShape.safeParse(structured);
  const keycloak = readNamespace("keycloak");
  const kubernetes = readNamespace("kubernetes");
  configureKubernetes((key) => kubernetes[key]);
  const read = readConnection((key) => keycloak[key]);
  const realms = "problems" in read ? [] : await inspectRealms(read.connection, structured);
  const isLone = realms.length === 1 || realms.every(({ problems }) => problems.length > 0);
  const problems = [
    ...(parsed.error?.issues.map(describeIssue) ?? []),
    ...contradictions(structured),
    ...("problems" in read ? read.problems : []),
    ...(isLone ? realms.flatMap((one) => problemsOf(one, realms.length)) : []),
    ...(await targetProblems(structured)),
  ];
  if (problems.length > 0 || !parsed.success) throw invalid(problems);
  for (const realm of realms) await announceRealm(realm);
  return toSettings(parsed.data, realms, kubernetes);
}

/** Says what is about to change, for a preview is read by people who did not write it. */
async function announceRealm({ name, problems, plan }: InspectedRealm): Promise<void> {
  if (problems.length > 0) {
    const list = problems.map((line) => `\n  - ${line}`).join("");
    await pulumi.log.error(`realm ${name} can't be rotated, and nothing of it is touched:${list}`);
    return;
  }
  for (const warning of plan?.warnings ?? []) await pulumi.log.warn(warning);
  if (plan && plan.actions.length > 0) {
    const verb = pulumi.runtime.isDryRun() ? "An up would do" : "This up is to do";
    await pulumi.log.info(
      `${verb} this in realm ${name}:${plan.actions.map((line) => `\n  - ${line}`).join("")}`,
    );
  }
}

function problemsOf({ name, problems }: InspectedRealm, count: number): string[] {
  return count > 1 ? problems.map((problem) => `realm ${name}: ${problem}`) : problems;
}

/** The values of one namespace, without those that are empty. Unlike `Config`, it does not warn of reading a secret. */
function readNamespace(namespace: string): Record<string, string> {
  const entries = Object.entries(pulumi.runtime.allConfig() as Record<string, string>)
    .filter(([key, value]) => key.startsWith(`${namespace}:`) && value !== "")
    .map(([key, value]) => [key.slice(namespace.length + 1), value]);
  return Object.fromEntries(entries);
}

function parseStructured(raw: Record<string, string>): Raw {
  const entries = Object.entries(raw).map(([key, value]) => [
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

type InspectedRealm = RealmInspection & { name: string; entry: RealmEntry };

/** Looks at the realms with whatever of the settings is sound, so that their problems are in the same message. */
async function inspectRealms(connection: KeycloakConnection, given: Raw): Promise<InspectedRealm[]> {
  const realms = settingsShape.shape.realm.safeParse(given.realm).data ?? [];
  return Promise.all(
    realms.map(async (entry) => {
      const admin = new KeycloakAdmin(connection, entry.name);
      const inspection = await inspectRealm(admin, questionFor(entry, given));
      const problems = [...inspection.problems, ...(await orWarn(inspection.missingRights))];
      return { name: entry.name, entry, ...inspection, problems };
    }),
  );
}

function questionFor(entry: RealmEntry, given: Raw): RealmQuestion {
  const { shape } = settingsShape;
  return {
    rotation: shape.rotation.safeParse(given.rotation).data ?? Number.POSITIVE_INFINITY,
    mode: shape.mode.safeParse(given.mode).data ?? "emergency",
    algorithms: entry.algorithms ?? shape.algorithms.safeParse(given.algorithms).data ?? algorithms,
    exemptKeys: entry.exemptKeys ?? shape.exemptKeys.safeParse(given.exemptKeys).data ?? [],
    overlapSeconds: shape.overlapSeconds.safeParse(given.overlapSeconds).data,
    allowShortOverlap: shape.allowShortOverlap.safeParse(given.allowShortOverlap).data ?? false,
    keepRetired: shape.keepRetired.safeParse(given.keepRetired).data ?? 1,
    clockSkewSeconds: (shape.probe.safeParse(given.probe).data ?? shape.probe.parse(undefined))
      .clockSkewSeconds,
    emergency: emergencyQuestion(given),
  };
}

function emergencyQuestion(given: Raw): EmergencyQuestion {
  const { shape } = settingsShape;
  const sessions = shape.sessions.safeParse(given.sessions).data ?? shape.sessions.parse(undefined);
  return {
    freeze: shape.freeze.safeParse(given.freeze).data ?? "none",
    revoke: sessions.revoke,
    internalKeys: shape.rotateInternalKeys.safeParse(given.rotateInternalKeys).data ?? [],
    adminRoles: sessions.adminProbe.realmRoles,
  };
}

/** Looks at the clusters with whatever of the settings is sound. One that does not answer is only warned of. */
async function targetProblems({ instances, restart, realm }: Raw): Promise<string[]> {
  const realms = settingsShape.shape.realm.safeParse(realm).data ?? [];
  const common = settingsShape.shape.instances.safeParse(instances).data ?? [];
  const targets = distinct([common, ...realms.flatMap((one) => one.instances ?? [])].flat());
  const fallback = settingsShape.shape.restart.parse(undefined);
  const { problems, missingRights, warnings } = await inspectTargets(
    targets,
    settingsShape.shape.restart.safeParse(restart).data ?? fallback,
  );
  for (const warning of warnings) await pulumi.log.warn(warning);
  return [...problems, ...(await orWarn(missingRights))];
}

/** A preview changes nothing, so that whoever runs it, such as a pull request's job, need not be allowed to. */
async function orWarn(missingRights: readonly string[]): Promise<readonly string[]> {
  if (!pulumi.runtime.isDryRun()) return missingRights;
  for (const one of missingRights) await pulumi.log.warn(`an up would be refused as this client: ${one}`);
  return [];
}

function describeIssue(issue: z.core.$ZodIssue): string {
  if (issue.code === "unrecognized_keys") {
    const keys = issue.keys.map((key) => pathOf([...issue.path, key])).join(", ");
    return `${keys}: no such key; see Pulumi.yaml for the keys there are`;
  }
  return `${pathOf(issue.path)}: ${issue.message}`;
}

function pathOf(parts: readonly PropertyKey[]): string {
  const text = parts.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("");
  return text.replace(/^\./, "");
}

function invalid(problems: readonly string[]): pulumi.RunError {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  const list = problems.map((problem) => `\n  - ${problem}`).join("");
  return new pulumi.RunError(
    `SETTINGS_INVALID: ${count} in the config of stack ${pulumi.getStack()}; nothing was touched.${list}\n` +
      "Next: mend them with `pulumi config set` or in the stack's file, then run the same command again.",
  );
}

function toSettings(
  data: Shape,
  realms: readonly InspectedRealm[],
  { kubeconfig, context }: Record<string, string>,
): Settings {
  const { refreshToken } = data;
  const { timeoutSeconds: restartTimeout, ...restartRest } = data.restart;
  const { timeoutSeconds: refreshTimeout, ...refreshRest } = data.refresh;
  const refresh = { ...refreshRest, timeoutMs: refreshTimeout * 1000 };
  const restart = { ...restartRest, timeoutMs: restartTimeout * 1000 };
  const names = realms.map(({ name }) => name);
  const rotations = realms.map((realm) => ({ ...toRealmSettings(data, realm, names), refresh, restart }));
  return {
    rotations,
    hasRealmList: names.length > 1,
    targets: distinct(rotations.flatMap(({ targets }) => targets)),
    refresh,
    restart,
    refreshTokenVersion: data.refreshTokenVersion,
    evidenceKey: verificationKey(data.evidence.signingKey),
    kubernetes: {
      ...(kubeconfig === undefined ? {} : { kubeconfig: pulumi.secret(kubeconfig) }),
      ...(context === undefined ? {} : { context }),
    },
    ...(refreshToken === undefined ? {} : { refreshToken: pulumi.secret(refreshToken) }),
  };
}

async function verificationKey(signingKey: string | undefined): Promise<JWK | null> {
  if (signingKey === undefined) return null;
  const { publicJwkOf } = await import("#operations/sign-evidence");
  return publicJwkOf(signingKey);
}

/** Of a realm that can't be rotated nothing is known, and nothing is done. */
const unknownPlan = { stage: "final" as const, actions: [], overlapSeconds: 0, tokenLifeSeconds: 0 };

function toRealmSettings(data: Shape, { name, entry, problems, plan }: InspectedRealm, realms: string[]) {
  const { rotation, mode, incident, reason, evidenceDir, keySize } = data;
  const { audience, realmRoles, timeoutSeconds, ...probeRest } = data.probe;
  const { stage, actions, overlapSeconds, tokenLifeSeconds } = plan ?? unknownPlan;
  const { freeze, freezePath, sessions, rotateInternalKeys: internalKeys } = data;
  const { revoke, denyListPath, adminProbe } = sessions;
  const denyForMs = tokenLifeSeconds * 1000;
  const isLone = realms.length === 1;
  return {
    name: isLone ? "rotation" : `rotation-${name}`,
    aliases: !isLone && realms[0] === name ? [{ name: "rotation" }] : [],
    run: {
      rotation,
      mode,
      stage,
      incident,
      reason,
      realm: name,
      realms,
      evidenceDir,
      stack: pulumi.getStack(),
    },
    problems,
    algorithms: entry.algorithms ?? data.algorithms,
    keySize,
    exemptKeys: entry.exemptKeys ?? data.exemptKeys,
    overlapMs: overlapSeconds * 1000,
    keepRetired: data.keepRetired,
    actions,
    jwksUris: entry.jwksUris ?? data.jwksUris,
    targets: entry.instances ?? data.instances,
    jwksTimeoutMs: data.jwksTimeoutSeconds * 1000,
    probe: { ...probeRest, timeoutMs: timeoutSeconds * 1000 },
    probeClient: { audience, realmRoles },
    emergency: { freeze, freezePath, internalKeys, revoke, denyListPath, denyForMs, adminProbe },
  };
}

/** Each target once, however many realms name it. */
function distinct(targets: readonly ConfiguredTarget[]): ConfiguredTarget[] {
  return targets.filter(
    (target, index) => !targets.slice(0, index).some((one) => isDeepStrictEqual(one, target)),
  );
}
