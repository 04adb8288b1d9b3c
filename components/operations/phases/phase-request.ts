import type { RunContext } from "../base/run-context.ts";
import type { PhaseRecord } from "../evidence/evidence-schema.ts";
import type { Findings } from "../evidence/findings.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { connection } from "../keycloak/connection.ts";
import { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";

export type Run = { run: RunContext };

export type Recorded = { record: PhaseRecord };

export type AfterOthers = Run & { before: Findings };

type AskableFleet = Omit<Fleet, "restart">;

/** The fleet of a request that carries its parts side by side. */
export function fleetOf(request: Fleet): Fleet;
export function fleetOf(request: AskableFleet): AskableFleet;
export function fleetOf(request: AskableFleet & Partial<Fleet>): AskableFleet {
  const { targets, refresh, restart, probe, apiRefreshTokens } = request;
  return { targets, refresh, probe, apiRefreshTokens, ...(restart ? { restart } : {}) };
}

export async function adminOf({ run }: Run): Promise<KeycloakAdmin> {
  return new KeycloakAdmin(await connection(), run.realm);
}
