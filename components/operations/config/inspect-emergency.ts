import { messageOf, RotationError } from "../base/errors.ts";
import { listNames } from "../base/list-names.ts";
import type { Freeze } from "../fleet/freeze-instances.ts";
import { refusesFreeze } from "../keycloak/freeze-keycloak.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { findConcerned, type Revoke } from "../keycloak/revoke-sessions.ts";
import { costOf, type InternalKeyKind } from "../keys/internal-keys.ts";
import { emergencyWarnings } from "./emergency-warnings.ts";

export interface EmergencyQuestion {
  freeze: Freeze;
  revoke: Revoke;
  internalKeys: readonly InternalKeyKind[];
  /** Realm roles of the administrator that is created for the proof. */
  adminRoles: readonly string[];
}

/** What an emergency would do apart from the rotation of the signing keys. */
export interface EmergencyInspection {
  /** What comes before the rotation, a sentence each. */
  freeze: string[];
  /** What comes after it. */
  sessions: string[];
  internalKeys: string[];
  problems: string[];
  /** Rights that an `up` needs and the admin client lacks. */
  missingRights: string[];
  warnings: string[];
}

export const noEmergencyActions: EmergencyInspection = {
  freeze: [],
  sessions: [],
  internalKeys: [],
  problems: [],
  missingRights: [],
  warnings: [],
};

/** Finds out, without changing anything, what else an emergency would do, and what would make that fail. */
export async function inspectEmergency(
  admin: KeycloakAdmin,
  { freeze, revoke, internalKeys, adminRoles }: EmergencyQuestion,
): Promise<EmergencyInspection> {
  const sessions = await inspectSessions(admin, revoke, adminRoles);
  const freezesKeycloak = freeze === "keycloak" || freeze === "both";
  const lockOut = freezesKeycloak ? refusesFreeze(admin.connection, admin.realmName) : undefined;
  const roles = [
    ...(freezesKeycloak || revoke !== "none" ? ["manage-clients"] : []),
    ...(revoke !== "none" ? ["manage-users"] : []),
  ];
  const missing = await Promise.all(roles.map((role) => admin.missingRole(role)));
  return {
    freeze: describeFreeze(freeze),
    sessions: sessions.actions,
    internalKeys: internalKeys.map(costOf),
    problems: [...(lockOut ? [lockOut] : []), ...sessions.problems],
    missingRights: missing.flatMap((error) => (error ? [error.message] : [])),
    warnings: emergencyWarnings({ mode: "emergency", revoke, internalKeys }),
  };
}

function describeFreeze(freeze: Freeze): string[] {
  const api = "administrators' writes on every instance";
  const keycloak = "the realm's admin console and admin-cli";
  const what = { api: [api], keycloak: [keycloak], both: [api, keycloak], none: [], release: [] }[freeze];
  if (what.length === 0) return [];
  return [`freeze ${what.join(", and ")}, until the rotation is verified`];
}

async function inspectSessions(admin: KeycloakAdmin, revoke: Revoke, adminRoles: readonly string[]) {
  if (revoke === "none") return { actions: [], problems: [] };
  try {
    const unknown = await unknownRoles(admin, adminRoles);
    if (revoke === "all")
      return { actions: ["end every session of the realm: everyone logs in again"], problems: unknown };
    const users = await findConcerned(admin, revoke);
    const who = [
      ...(users.length > 0
        ? [
            `the sessions of ${users.length === 1 ? "1 user" : `${users.length} users`} (${listNames(users.map((one) => one.username))})`,
          ]
        : []),
      ...(revoke.sids.length > 0
        ? [revoke.sids.length === 1 ? "1 listed session" : `${revoke.sids.length} listed sessions`]
        : []),
    ];
    const actions = who.length > 0 ? [`end ${who.join(", and ")}, and deny them on every instance`] : [];
    return { actions, problems: unknown };
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    return { actions: [], problems: [messageOf(error)] };
  }
}

async function unknownRoles(admin: KeycloakAdmin, adminRoles: readonly string[]): Promise<string[]> {
  const found = await Promise.all(adminRoles.map((role) => admin.hasRealmRole(role)));
  return adminRoles
    .filter((_, index) => !found[index])
    .map(
      (role) =>
        `sessions.adminProbe.realmRoles: realm ${admin.realmName} has no realm role ${role}; list those that the API takes for an administrator's`,
    );
}
