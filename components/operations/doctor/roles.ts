import { z } from "zod";
import { RotationError } from "../base/errors.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { type Examined, type Finding, findingOf, notChecked } from "./finding.ts";

/** What an emergency does with users, beyond keys and clients. */
export interface RoleQuestion {
  /** Whether it grants roles to users, or ends their sessions. */
  touchesUsers: boolean;
}

/** A role, what an emergency needs it for, and a read that only who has it may do; Keycloak takes `manage-…` for `view-…`. */
interface NeededRole {
  role: string;
  purpose: string;
  read?: string;
}

function neededRoles({ touchesUsers }: RoleQuestion): NeededRole[] {
  const ofUsers: NeededRole[] = [
    { role: "view-users", purpose: "find users and their sessions", read: "/users?max=1" },
    { role: "manage-users", purpose: "give roles to the probe clients, and end sessions" },
  ];
  return [
    { role: "view-realm", purpose: "read the keys", read: "/keys" },
    { role: "manage-realm", purpose: "make the new keys and disable the old" },
    { role: "view-clients", purpose: "find the probe clients", read: "/clients?max=1" },
    { role: "manage-clients", purpose: "make and repair the probe clients" },
    ...(touchesUsers ? ofUsers : []),
  ];
}

/**
 * Checks each role that an emergency needs on the realm: those for reading by a read, those for changing by what the admin
 * token says, since nothing is to be changed.
 */
export async function examineRoles(admin: KeycloakAdmin, question: RoleQuestion): Promise<Examined> {
  const realm = admin.realmName;
  const needed = neededRoles(question);
  try {
    const granted = await admin.grantedRoles();
    const reads = await Promise.all(needed.map((one) => readRefused(admin, one)));
    const missing = needed.filter((one, index) => reads[index] === true || isMissing(one, granted));
    const findings = [
      ...missing.map((one) => roleMissing(admin, one)),
      ...(granted === undefined ? [silentToken(admin, needed)] : []),
    ];
    const has = needed
      .filter((one) => !missing.includes(one) && (granted || one.read))
      .map(({ role }) => role);
    return { check: "roles", realm, seen: `has ${has.join(", ") || "none that shows"}`, findings };
  } catch (error) {
    const emergency = "the update can't change this realm, and the stolen key stays alive";
    const finding = findingOf(error, { realm, severity: "critical", emergency });
    return { check: "roles", realm, seen: "could not be read", findings: [finding] };
  }
}

async function readRefused(admin: KeycloakAdmin, { read }: NeededRole): Promise<boolean> {
  if (read === undefined) return false;
  try {
    await admin.get(read, z.unknown());
    return false;
  } catch (error) {
    if (error instanceof RotationError && error.code === "KEYCLOAK_ROLE_MISSING") return true;
    throw error;
  }
}

function isMissing({ role, read }: NeededRole, granted: readonly string[] | undefined): boolean {
  return (
    read === undefined &&
    granted !== undefined &&
    !granted.some((one) => one === role || one === "realm-admin")
  );
}

function roleMissing({ connection, realmName }: KeycloakAdmin, { role, purpose }: NeededRole): Finding {
  return {
    code: "KEYCLOAK_ROLE_MISSING",
    severity: "critical",
    realm: realmName,
    what: `client ${connection.clientId} lacks the role ${role}, which is needed to ${purpose}`,
    emergency: "the update is refused before anything is touched, and the stolen key stays alive",
    next: `give its service account the role ${role} for realm ${realmName}`,
  };
}

function silentToken({ connection, realmName }: KeycloakAdmin, needed: readonly NeededRole[]): Finding {
  const roles = needed.filter(({ read }) => read === undefined).map(({ role }) => role);
  return notChecked(
    realmName,
    `the admin token of client ${connection.clientId} does not list its roles, so ${roles.join(", ")} can't be shown without a change`,
    "turn off lightweight access tokens for that client, or look at its roles in Keycloak's console",
  );
}
