import { z } from "zod";
import { messageOf, RotationError } from "../base/errors.ts";
import type { KeycloakAdmin } from "./keycloak-admin.ts";

const named = z.array(z.looseObject({ name: z.string(), composite: z.boolean().nullish() }));
const composites = z.array(z.looseObject({ name: z.string(), clientRole: z.boolean().nullish() }));
const groups = z.array(z.looseObject({ id: z.string() }));
const users = z.array(z.looseObject({ id: z.string(), username: z.string() }));

export interface RoleHolder {
  id: string;
  username: string;
}

/**
 * Everyone who has one of these realm roles: by themselves, by a group or one above it, or by a realm role that contains
 * it. Not those who have it by a client's role only.
 *
 * @throws {RotationError} any Keycloak code
 */
export async function holdersOfRoles(
  admin: KeycloakAdmin,
  realmRoles: readonly string[],
): Promise<{ holders: RoleHolder[]; unknownRoles: string[] }> {
  if (realmRoles.length === 0) return { holders: [], unknownRoles: [] };
  const all = await listAll(admin, "/roles", named);
  const unknownRoles = realmRoles.filter((role) => !all.some(({ name }) => name === role));
  const parents = await parentsOf(
    admin,
    all.filter(({ composite }) => composite === true).map(({ name }) => name),
  );
  const roles = closure(
    realmRoles.filter((role) => !unknownRoles.includes(role)),
    parents,
  );
  const holders = new Map<string, RoleHolder>();
  for (const role of roles) {
    for (const { id, username } of await holdersOf(admin, role)) holders.set(id, { id, username });
  }
  return { holders: [...holders.values()], unknownRoles };
}

/** By role, the realm roles that contain it. */
async function parentsOf(
  admin: KeycloakAdmin,
  compositeRoles: readonly string[],
): Promise<Map<string, string[]>> {
  const parents = new Map<string, string[]>();
  for (const parent of compositeRoles) {
    const children = await admin.get(`/roles/${encodeURIComponent(parent)}/composites`, composites);
    for (const { name, clientRole } of children) {
      if (clientRole !== true) parents.set(name, [...(parents.get(name) ?? []), parent]);
    }
  }
  return parents;
}

function closure(roles: readonly string[], parents: ReadonlyMap<string, string[]>): Set<string> {
  const found = new Set(roles);
  for (const role of found) for (const parent of parents.get(role) ?? []) found.add(parent);
  return found;
}

async function holdersOf(admin: KeycloakAdmin, role: string): Promise<RoleHolder[]> {
  const path = `/roles/${encodeURIComponent(role)}`;
  const direct = await listAll(admin, `${path}/users`, users);
  const byGroup: RoleHolder[] = [];
  for (const { id } of await listAll(admin, `${path}/groups`, groups)) {
    byGroup.push(...(await membersOf(admin, id)));
  }
  return [...direct, ...byGroup];
}

/** Groups below one have its roles, too. */
async function membersOf(admin: KeycloakAdmin, groupId: string): Promise<RoleHolder[]> {
  const members: RoleHolder[] = await listAll(admin, `/groups/${groupId}/members`, users);
  for (const { id } of await childrenOf(admin, groupId)) members.push(...(await membersOf(admin, id)));
  return members;
}

/** Keycloak before 23 has no such list. */
async function childrenOf(admin: KeycloakAdmin, groupId: string): Promise<z.infer<typeof groups>> {
  try {
    return await listAll(admin, `/groups/${groupId}/children`, groups);
  } catch (error) {
    if (error instanceof RotationError && /HTTP 404/.test(messageOf(error))) return [];
    throw error;
  }
}

const pageSize = 200;

async function listAll<T>(admin: KeycloakAdmin, path: string, shape: z.ZodType<T[]>): Promise<T[]> {
  const all: T[] = [];
  for (;;) {
    const page = await admin.get(`${path}?first=${all.length}&max=${pageSize}`, shape);
    all.push(...page);
    if (page.length < pageSize) return all;
  }
}
