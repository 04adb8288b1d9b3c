import { z } from "zod";
import { RotationError } from "../../base/errors.ts";
import type { KeycloakAdmin } from "../keycloak-admin.ts";
import { type Lease, leaseOf, leasePrefix, leaseRole, roleOf, roleShape } from "./record.ts";

/** For one attempt, in milliseconds: before each change of a key somebody waits for it. */
const timeoutMs = 2_000;

/** A lease, and the role that it is kept in. */
export interface StoredLease {
  lease: Lease;
  roleId: string;
}

/** Those of a realm, the one that holds first. */
export async function listLeases(admin: KeycloakAdmin): Promise<StoredLease[]> {
  const query = new URLSearchParams({ search: leasePrefix, briefRepresentation: "false", max: "100" });
  const roles = await admin.get(`/roles?${query}`, z.array(roleShape), { timeoutMs });
  return roles
    .flatMap((role) => {
      const lease = leaseOf(role);
      return lease ? [{ lease, roleId: role.id }] : [];
    })
    .toSorted((a, b) => b.lease.epoch - a.lease.epoch);
}

/**
 * Makes a lease; false where somebody else was first. Keycloak allows a role's name once, whichever node is asked.
 * @throws any Keycloak code
 */
export async function createLease(admin: KeycloakAdmin, lease: Lease): Promise<boolean> {
  const isOurs = async () => (await listLeases(admin)).some(({ lease: found }) => found.run === lease.run);
  try {
    await admin.postOnce("/roles", roleOf(lease), { isDone: isOurs, timeoutMs });
    return true;
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    const path = `/roles/${leaseRole(lease.epoch)}`;
    if ((await admin.getIfThere(path, z.unknown())) === undefined) throw error;
    return isOurs();
  }
}

/** Writes what has changed in a lease that is there. */
export async function writeLease(admin: KeycloakAdmin, { lease, roleId }: StoredLease): Promise<void> {
  await admin.put(`/roles-by-id/${roleId}`, roleOf(lease));
}

export async function deleteLeases(admin: KeycloakAdmin, stored: readonly StoredLease[]): Promise<void> {
  await Promise.all(stored.map(({ roleId }) => admin.deleteIfThere(`/roles-by-id/${roleId}`)));
}
