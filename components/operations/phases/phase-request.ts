import { type Packed, pack, unpack } from "../base/packed.ts";
import type { RunContext } from "../base/run-context.ts";
import type { PhaseRecord } from "../evidence/evidence-schema.ts";
import type { Findings } from "../evidence/findings.ts";
import type { Fleet, FleetSettings } from "../fleet/fleet.ts";
import { connection } from "../keycloak/connection.ts";
import { hurryIn } from "../keycloak/hurry.ts";
import { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";

/** Which step of which rotation a phase belongs to. */
export type Step = Pick<RunContext, "realm" | "rotation" | "mode" | "stage">;

/** What the phases before one have found, and what proves it. */
export interface Before {
  findings: Findings;
  /** Secret: the canary tokens by their `jti`. */
  canaryTokens: Record<string, string>;
  /** Secret: the control tokens by their `jti`. */
  controlTokens: Record<string, string>;
}

/**
 * What every phase's resource takes. What makes the phase run again is in plain view, so that Pulumi's diff
 * shows that and nothing else; what is packed is a secret, for the same reason.
 */
export interface PhaseInputs<Details> extends Step {
  /** What the config says. */
  details: Packed<Details & Run>;
}

export interface LaterInputs<Details> extends PhaseInputs<Details> {
  before: Packed<Before>;
}

export interface FleetInputs<Details> extends PhaseInputs<Details & { fleet: FleetSettings }> {
  /** Secret. */
  apiRefreshTokens: string[];
}

export type Run = { run: RunContext };
export type Recorded = { record: PhaseRecord };

/** What every phase takes: its step, and what the config says for it. */
export function inputsFor<T extends Run>(details: T): Step & { details: Packed<T> } {
  return { ...stepOf(details.run), details: pack(details) };
}

/** What the config says for a phase. */
export function detailsOf<Details>({ details }: PhaseInputs<Details>): Details & Run {
  return unpack(details);
}

/** The fleet with the bearer of its internal operations. */
export function fleetOf<Details>(inputs: FleetInputs<Details>): Fleet {
  return { ...detailsOf(inputs).fleet, apiRefreshTokens: inputs.apiRefreshTokens };
}

/** What the outputs of a phase repeat of its inputs: the rest is in the state once, as inputs. */
export function stepOf({ realm, rotation, mode, stage }: Step): Step {
  return { realm, rotation, mode, stage };
}

export async function adminOf({ realm }: Pick<Step, "realm">): Promise<KeycloakAdmin> {
  return new KeycloakAdmin(await connection(), realm);
}

/** As {@link adminOf}, for the phases up to the cut-over: in an emergency no request waits long for a node that hangs. */
export async function hurriedAdminOf({ realm, mode }: Pick<Step, "realm" | "mode">): Promise<KeycloakAdmin> {
  return new KeycloakAdmin(await connection(), realm, hurryIn(mode));
}
