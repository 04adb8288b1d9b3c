import type { RunContext } from "../base/run-context.ts";
import type { ProbeIdentity } from "../canaries/probe-clients.ts";
import type { Freeze } from "../fleet/freeze-instances.ts";
import type { Revoke } from "../keycloak/revoke-sessions.ts";
import type { InternalKeyKind } from "../keys/internal-keys.ts";
import type { Algorithm } from "../keys/realm-keys.ts";
import type { Acknowledgement } from "../proof/acknowledgement.ts";
import { type ConfiguredFleet, configuredFleet } from "./fleet-settings.ts";
import type { CheckedConfig, InspectedRealm } from "./inspect-stack.ts";

/** What the rotation of one realm takes from the config and from the realm itself. Holds no secret but those of the fleet. */
export interface RealmSettings {
  run: RunContext;
  /** What keeps the realm from being rotated, where the stack has several realms. */
  problems: string[];
  /** A signing key is made for each. Must cover every algorithm that a client of the realm asks for. */
  algorithms: Algorithm[];
  /** RSA modulus bits of new keys. */
  keySize: number;
  /** Names of key providers that stay trusted through an emergency. */
  exemptKeys: string[];
  /** Milliseconds for which keys that no longer sign stay trusted, where the mode is not emergency. */
  overlapMs: number;
  /** Rotations whose disabled keys stay in Keycloak when a later one is retired. */
  keepRetired: number;
  /** What the run is about to change in the realm, in words. */
  actions: string[];
  /** Kids of disabled keys of which nobody had shown that the instances reject them when the program began. */
  openKids: string[];
  /** Kids of the keys that were trusted when the program began. */
  trustedKids: string[];
  /** Dead keys that the config closes by name. */
  acknowledge: Acknowledgement[];
  /** Every JWKS URL that verifiers use. Empty: the issuer's own. */
  jwksUris: string[];
  /** Milliseconds until each must show the new set. */
  jwksTimeoutMs: number;
  /** Where every running API process is found, and how it is reached, questioned and restarted. */
  fleet: ConfiguredFleet;
  /** What the API demands of a token beyond its signature. */
  probeIdentity: ProbeIdentity;
  /** What an emergency does in addition. */
  emergency: EmergencySettings;
}

/** What an emergency does in addition to rotating the signing keys. */
export interface EmergencySettings {
  /** Milliseconds that all that comes before the disabling of a stolen key may take. */
  budgetMs: number;
  freeze: Freeze;
  /** Path of the instances' freeze operation. */
  freezePath: string;
  internalKeys: InternalKeyKind[];
  revoke: Revoke;
  /** Path of the instances' deny-list operation, without the session's id. */
  denyListPath: string;
  /** Milliseconds for which a session stays on the deny-list: the longest life of an access token. */
  denyForMs: number;
  /** The administrator of our own with whom the deny-list is proven. */
  adminProbe: {
    path: string;
    realmRoles: string[];
    acceptedStatuses: number[];
    rejectedStatuses: number[];
  };
  /** For how many seconds every process and JWKS URL is asked again after the proof. 0: not at all. */
  watchSeconds: number;
  /** What `npm run kill` has done of it for this rotation. */
  doneByKill: string[];
}

/** The plan for a realm that can't be rotated: nothing is known, and nothing is done. */
const unknownPlan = {
  stage: "final" as const,
  actions: [],
  overlapSeconds: 0,
  tokenLifeSeconds: 0,
  doneByKill: [],
  openKids: [],
  trustedKids: [],
};

/**
 * Puts together what the rotation of one realm takes. Pure.
 *
 * @param data the whole stack config; of its run, `realms` are all realms of it, this one too
 */
export function realmSettings(
  data: CheckedConfig,
  { name, entry, problems, plan }: InspectedRealm,
  { realms, stack, acknowledge }: Pick<RunContext, "realms" | "stack"> & Pick<RealmSettings, "acknowledge">,
): RealmSettings {
  const { rotation, mode, incident, reason, evidenceDir, takeOverLease } = data;
  const { keySize, keepRetired, jwksTimeoutSeconds } = data;
  const { audience, realmRoles, clockSkewSeconds } = data.probe;
  const { stage, actions, overlapSeconds, openKids, trustedKids } = plan ?? unknownPlan;
  const algorithms = entry.algorithms ?? data.algorithms;
  return {
    run: { rotation, mode, stage, incident, reason, realm: name, realms, evidenceDir, takeOverLease, stack },
    problems,
    algorithms,
    keySize,
    exemptKeys: entry.exemptKeys ?? data.exemptKeys,
    overlapMs: overlapSeconds * 1000,
    keepRetired,
    actions,
    openKids,
    trustedKids,
    acknowledge,
    jwksUris: entry.jwksUris ?? data.jwksUris,
    fleet: configuredFleet(data, entry),
    jwksTimeoutMs: jwksTimeoutSeconds * 1000,
    probeIdentity: { algorithms, audience, realmRoles, clockSkewSeconds },
    emergency: emergencySettings(data, plan ?? unknownPlan),
  };
}

function emergencySettings(
  data: CheckedConfig,
  {
    tokenLifeSeconds,
    doneByKill,
  }: Pick<NonNullable<InspectedRealm["plan"]>, "tokenLifeSeconds" | "doneByKill">,
): EmergencySettings {
  const { emergency, freeze, freezePath, sessions, internalKeys } = data;
  const { revoke, denyListPath, adminProbe } = sessions;
  return {
    budgetMs: emergency.budgetSeconds * 1000,
    freeze,
    freezePath,
    internalKeys,
    revoke,
    denyListPath,
    denyForMs: tokenLifeSeconds * 1000,
    adminProbe,
    watchSeconds: data.probe.watchSeconds,
    doneByKill,
  };
}
