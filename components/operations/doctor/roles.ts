import { randomUUID } from "node:crypto";
import { z } from "zod";
import { RotationError } from "../base/errors.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { type Examined, type Finding, findingOf } from "./finding.ts";

/** What an emergency does with users, beyond keys and clients. */
export interface RoleQuestion {
  /** Whether it grants roles to users, or ends their sessions. */
  touchesUsers: boolean;
}

/** A role, and what an emergency needs it for. */
interface NeededRole {
  role: string;
  purpose: string;
  /** A request that Keycloak refuses to whom lacks the role, and that changes nothing. */
  attempt: (admin: KeycloakAdmin) => Promise<unknown>;
}

const reading = (path: string) => (admin: KeycloakAdmin) => admin.get(path, z.unknown());

/**
 * Deletes what is not there. Keycloak checks the right first: tokens need not list roles, and rights may come from
 * elsewhere.
 */
const deleting = (path: string) => (admin: KeycloakAdmin) => admin.deleteIfThere(`${path}/${randomUUID()}`);

const needed: readonly NeededRole[] = [
  { role: "view-realm", purpose: "read the keys", attempt: reading("/keys") },
  {
    role: "manage-realm",
    purpose: "make the new keys and disable the old ones",
    attempt: deleting("/components"),
  },
  { role: "view-clients", purpose: "find the probe clients", attempt: reading("/clients?max=1") },
  {
    role: "manage-clients",
    purpose: "make and repair the probe clients",
    attempt: deleting("/clients-initial-access"),
  },
];
const neededForUsers: readonly NeededRole[] = [
  { role: "view-users", purpose: "find users and their sessions", attempt: reading("/users?max=1") },
  {
    role: "manage-users",
    purpose: "give roles to the probe clients and end sessions",
    attempt: deleting("/sessions"),
  },
];

/** Checks each role that an emergency needs on the realm, by a request that only who has it may send. */
export async function examineRoles(admin: KeycloakAdmin, { touchesUsers }: RoleQuestion): Promise<Examined> {
  const realm = admin.realmName;
  const roles = touchesUsers ? [...needed, ...neededForUsers] : needed;
  try {
    const refused = await Promise.all(roles.map(({ attempt }) => isRefused(() => attempt(admin))));
    const missing = roles.filter((_, index) => refused[index] === true);
    const has = roles.filter((one) => !missing.includes(one)).map(({ role }) => role);
    return {
      check: "roles",
      realm,
      seen: has.join(", ") || "none",
      findings: missing.map((one) => roleMissing(admin, one)),
    };
  } catch (error) {
    const emergency = "the update may be unable to change this realm, and the stolen key stays alive";
    const finding = findingOf(error, { realm, severity: "critical", emergency });
    return { check: "roles", realm, seen: "could not be checked", findings: [finding] };
  }
}

async function isRefused(attempt: () => Promise<unknown>): Promise<boolean> {
  try {
    await attempt();
    return false;
  } catch (error) {
    if (error instanceof RotationError && error.code === "KEYCLOAK_ROLE_MISSING") return true;
    throw error;
  }
}

function roleMissing({ connection, realmName }: KeycloakAdmin, { role, purpose }: NeededRole): Finding {
  return {
    code: "KEYCLOAK_ROLE_MISSING",
    severity: "critical",
    realm: realmName,
    what: `client ${connection.clientId} lacks the role ${role}, which is needed to ${purpose}`,
    emergency: "the update is refused, or fails at that step, and the stolen key may stay alive",
    next: `give its service account the role ${role} for realm ${realmName}`,
  };
}
