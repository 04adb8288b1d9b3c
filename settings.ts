import * as pulumi from "@pulumi/pulumi";
import type { z } from "zod";
import { type KeycloakConnection, readConnection } from "#operations/connection";
import { inspectRealm, type RealmInspection } from "#operations/inspect-realm";
import { inspectTargets } from "#operations/inspect-targets";
import { KeycloakAdmin } from "#operations/keycloak-admin";
import { configureKubernetes } from "#operations/kubernetes/kubernetes-defaults";
import { algorithms } from "#operations/realm-keys";
import {
  type ConfiguredTarget,
  contradictions,
  settingsShape,
  structuredKeys,
} from "#operations/settings-shape";
import type { KeyRotationArgs } from "./components/key-rotation.ts";

/** Everything that the stack config says, checked. */
export interface Settings extends Omit<KeyRotationArgs, "refreshTokens" | "targets"> {
  targets: ConfiguredTarget[];
  /** Where it is not given, the program generates one. */
  refreshToken?: pulumi.Output<string>;
  /** Another number makes the program generate another one. */
  refreshTokenVersion: number;
  /** The `kubernetes:` config namespace. */
  kubernetes: { kubeconfig?: pulumi.Output<string>; context?: string };
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
  const realm: RealmInspection =
    "problems" in read ? { problems: read.problems } : await inspect(read.connection, structured);
  const problems = [
    ...(parsed.error?.issues.map(describeIssue) ?? []),
    ...contradictions(structured),
    ...realm.problems,
    ...(await targetProblems(structured)),
  ];
  if (problems.length > 0 || !parsed.success || !realm.plan) throw invalid(problems);
  await announcePlan(realm.plan.actions);
  return toSettings(parsed.data, realm.plan, kubernetes);
}

/** Says what is about to change, for a preview is read by people who did not write it. */
async function announcePlan(actions: readonly string[]): Promise<void> {
  if (actions.length === 0) return;
  const verb = pulumi.runtime.isDryRun() ? "An up would" : "This up is to";
  await pulumi.log.info(
    `${verb} change the realm's signing keys:${actions.map((line) => `\n  - ${line}`).join("")}`,
  );
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
    structuredKeys.includes(key) ? parseJson(value) : value,
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

/** Looks at the realm with whatever of the settings is sound, so that its problems are in the same message. */
async function inspect(connection: KeycloakConnection, given: Raw): Promise<RealmInspection> {
  if (typeof given.realm !== "string") return { problems: [] };
  const { shape } = settingsShape;
  return inspectRealm(new KeycloakAdmin(connection, given.realm), {
    rotation: shape.rotation.safeParse(given.rotation).data ?? Number.POSITIVE_INFINITY,
    mode: shape.mode.safeParse(given.mode).data ?? "emergency",
    algorithms: shape.algorithms.safeParse(given.algorithms).data ?? algorithms,
    exemptKeys: shape.exemptKeys.safeParse(given.exemptKeys).data ?? [],
    overlapSeconds: shape.overlapSeconds.safeParse(given.overlapSeconds).data,
    allowShortOverlap: shape.allowShortOverlap.safeParse(given.allowShortOverlap).data ?? false,
    keepRetired: shape.keepRetired.safeParse(given.keepRetired).data ?? 1,
    clockSkewSeconds: (shape.probe.safeParse(given.probe).data ?? shape.probe.parse(undefined))
      .clockSkewSeconds,
  });
}

/** Looks at the clusters with whatever of the settings is sound. One that does not answer is only warned of. */
async function targetProblems({ instances, restart }: Raw): Promise<string[]> {
  const targets = settingsShape.shape.instances.safeParse(instances).data ?? [];
  const fallback = settingsShape.shape.restart.parse(undefined);
  const { problems, warnings } = await inspectTargets(
    targets,
    settingsShape.shape.restart.safeParse(restart).data ?? fallback,
  );
  for (const warning of warnings) await pulumi.log.warn(warning);
  return problems;
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
  { stage, actions, overlapSeconds }: NonNullable<RealmInspection["plan"]>,
  { kubeconfig, context }: Record<string, string>,
): Settings {
  const { rotation, mode, incident, reason, realm, evidenceDir } = data;
  const { algorithms, keySize, exemptKeys, jwksUris, instances, refresh, probe, refreshToken } = data;
  const { timeoutSeconds: restartTimeout, ...restartRest } = data.restart;
  const { audience, realmRoles, timeoutSeconds, ...probeRest } = probe;
  const { timeoutSeconds: refreshTimeout, ...refreshRest } = refresh;
  return {
    algorithms,
    keySize,
    exemptKeys,
    overlapMs: overlapSeconds * 1000,
    keepRetired: data.keepRetired,
    actions,
    jwksUris,
    targets: instances,
    jwksTimeoutMs: data.jwksTimeoutSeconds * 1000,
    run: { rotation, mode, stage, incident, reason, realm, evidenceDir, stack: pulumi.getStack() },
    refresh: { ...refreshRest, timeoutMs: refreshTimeout * 1000 },
    probe: { ...probeRest, timeoutMs: timeoutSeconds * 1000 },
    probeClient: { audience, realmRoles },
    restart: { ...restartRest, timeoutMs: restartTimeout * 1000 },
    refreshTokenVersion: data.refreshTokenVersion,
    kubernetes: {
      ...(kubeconfig === undefined ? {} : { kubeconfig: pulumi.secret(kubeconfig) }),
      ...(context === undefined ? {} : { context }),
    },
    ...(refreshToken === undefined ? {} : { refreshToken: pulumi.secret(refreshToken) }),
  };
}
