import * as pulumi from "@pulumi/pulumi";
import type { JWK } from "jose";
import { acknowledgements } from "#operations/config/acknowledgements";
import { type ConfiguredFleet, configuredFleet } from "#operations/config/fleet-settings";
import {
  type CheckedConfig,
  distinctTargets,
  type InspectedRealm,
  inspectStack,
} from "#operations/config/inspect-stack";
import { type RealmSettings, realmSettings } from "#operations/config/realm-settings";
import { configureKubernetes } from "#operations/fleet/kubernetes/kubernetes-defaults";

/** Everything that the stack config says, checked. */
export interface Settings {
  /** One for each realm. */
  rotations: NamedRealm[];
  /** Whether the config has a list of realms: outputs then go by realm. */
  hasRealmList: boolean;
  /** With all realms' targets. */
  fleet: ConfiguredFleet;
  /** If it is not set, the program generates one. */
  apiRefreshToken?: pulumi.Output<string>;
  /** A new number makes the program generate a new API refresh token. */
  apiRefreshTokenVersion: number;
  /** The `kubernetes:` config namespace. */
  kubernetes: { kubeconfig?: pulumi.Output<string>; context?: string };
  /** Public half of the key that signs evidence, a JWK; null where there is none. */
  evidenceKey: Promise<JWK | null>;
}

/** What the rotation of one realm takes. */
export interface NamedRealm extends RealmSettings {
  /** Name of the resource. */
  name: string;
  /** Names that it had in the stack before. */
  formerNames: string[];
}

/**
 * Reads the stack config, and asks Keycloak whether the realm can be rotated, without changing anything.
 *
 * @throws {pulumi.RunError} SETTINGS_INVALID with every problem found
 */
export async function readSettings(): Promise<Settings> {
  const own = readNamespace(pulumi.getProject());
  const keycloak = readNamespace("keycloak");
  const kubernetes = readNamespace("kubernetes");
  configureKubernetes((key) => kubernetes[key]);
  const isPreview = pulumi.runtime.isDryRun();
  const { config, realms, problems, warnings } = await inspectStack(own, (key) => keycloak[key], isPreview);
  for (const warning of warnings) await pulumi.log.warn(warning);
  if (problems.length > 0 || !config) throw invalid(problems);
  for (const realm of realms) await announceRealm(realm);
  return toSettings(config, realms, kubernetes);
}

/** Says what is about to change: previews are read by people who did not write the change. */
async function announceRealm({ name, problems, plan }: InspectedRealm): Promise<void> {
  if (problems.length > 0) {
    const list = problems.map((line) => `\n  - ${line}`).join("");
    await pulumi.log.error(`realm ${name} can't be rotated; nothing in it was touched:${list}`);
    return;
  }
  for (const warning of plan?.warnings ?? []) await pulumi.log.warn(warning);
  if (plan && plan.actions.length > 0) {
    const verb = pulumi.runtime.isDryRun() ? "This update would make" : "This update will make";
    await pulumi.log.info(
      `${verb} these changes in realm ${name}:${plan.actions.map((line) => `\n  - ${line}`).join("")}`,
    );
  }
}

/** The values of one namespace, without those that are empty. Unlike `Config`, it does not warn of reading a secret. */
function readNamespace(namespace: string): Record<string, string> {
  const entries = Object.entries(pulumi.runtime.allConfig() as Record<string, string>)
    .filter(([key, value]) => key.startsWith(`${namespace}:`) && value !== "")
    .map(([key, value]) => [key.slice(namespace.length + 1), value]);
  return Object.fromEntries(entries);
}

function invalid(problems: readonly string[]): pulumi.RunError {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  const list = problems.map((problem) => `\n  - ${problem}`).join("");
  return new pulumi.RunError(
    `SETTINGS_INVALID: ${count} in the config of stack ${pulumi.getStack()}; nothing was touched.${list}\n` +
      "Next: fix them with `pulumi config set` or in the stack's config file, then run the same command again.",
  );
}

function toSettings(
  data: CheckedConfig,
  realms: readonly InspectedRealm[],
  { kubeconfig, context }: Record<string, string>,
): Settings {
  const { apiRefreshToken } = data;
  const names = realms.map(({ name }) => name);
  const acknowledge = acknowledgements(data);
  const rotations = realms.map((realm) => toRealmSettings(data, realm, { realms: names, acknowledge }));
  return {
    rotations,
    hasRealmList: names.length > 1,
    fleet: {
      ...configuredFleet(data),
      targets: distinctTargets(rotations.flatMap(({ fleet }) => fleet.targets)),
    },
    apiRefreshTokenVersion: data.apiRefreshTokenVersion,
    evidenceKey: verificationKey(data.evidence.signingKey),
    kubernetes: {
      ...(kubeconfig === undefined ? {} : { kubeconfig: pulumi.secret(kubeconfig) }),
      ...(context === undefined ? {} : { context }),
    },
    ...(apiRefreshToken === undefined ? {} : { apiRefreshToken: pulumi.secret(apiRefreshToken) }),
  };
}

async function verificationKey(signingKey: string | undefined): Promise<JWK | null> {
  if (signingKey === undefined) return null;
  const { publicJwkOf } = await import("#operations/evidence/sign-evidence");
  return publicJwkOf(signingKey);
}

function toRealmSettings(
  data: CheckedConfig,
  realm: InspectedRealm,
  { realms, acknowledge }: { realms: string[] } & Pick<RealmSettings, "acknowledge">,
): NamedRealm {
  const isLone = realms.length === 1;
  return {
    name: isLone ? "rotation" : `rotation-${realm.name}`,
    // From one realm to several and back: what is known of it goes with it.
    formerNames: isLone ? [`rotation-${realm.name}`] : realms[0] === realm.name ? ["rotation"] : [],
    ...realmSettings(data, realm, { realms, stack: pulumi.getStack(), acknowledge }),
  };
}
