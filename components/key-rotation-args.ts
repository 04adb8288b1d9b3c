import type * as pulumi from "@pulumi/pulumi";
import type { RunContext } from "#operations/base/run-context";
import type { ProbeIdentity } from "#operations/canaries/probe-clients";
import type { FleetSettings } from "#operations/fleet/fleet";
import type { Freeze } from "#operations/fleet/freeze-instances";
import type { Revoke } from "#operations/keycloak/revoke-sessions";
import type { InternalKeyKind } from "#operations/keys/internal-keys";
import type { Algorithm } from "#operations/keys/realm-keys";

export interface KeyRotationArgs {
  /** Names that this component had in the stack before, under which the state knows its resources. Default: none. */
  formerNames?: string[];
  run: RunContext;
  /** What keeps the realm from being rotated, where the stack has several realms. Default: nothing. */
  problems?: string[];
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
  /** Every JWKS URL that verifiers use. Empty: the issuer's own. */
  jwksUris: string[];
  /** Milliseconds until each must show the new set. */
  jwksTimeoutMs: number;
  /** Where every running API process is found, and how it is reached, questioned and restarted. */
  fleet: FleetSettings;
  /** What the API demands of a token beyond its signature. */
  probeIdentity: ProbeIdentity;
  /** What an emergency does in addition. */
  emergency: EmergencySettings;
  /** Secret. The bearer tokens of the refresh operation that instances may have. */
  apiRefreshTokens: pulumi.Input<string[]>;
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
}
