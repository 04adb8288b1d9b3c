import { z } from "zod";
import { RotationError } from "./errors.ts";
import type { KeycloakAdmin } from "./keycloak-admin.ts";
import { holdersOfRoles } from "./role-holders.ts";

/** Which sessions end. */
export type SessionsToRevoke = "all" | SomeSessions;

export interface SomeSessions {
  /** Session ids. */
  sids: string[];
  /** User names. */
  users: string[];
  /** Realm roles: everyone who has one of them, by a group or by another role too. */
  realmRoles: string[];
}

/** A session that is over. Holds no secret. */
export interface EndedSession {
  sid: string;
  user?: string;
  because: "sid" | "user" | "role" | "all";
  offline?: boolean;
}

const session = z.looseObject({ id: z.string(), username: z.string().nullish() });
const sessions = z.array(session);
const clients = z.array(z.looseObject({ id: z.string() }));
const users = z.array(z.looseObject({ id: z.string(), username: z.string() }));

/** A user whose sessions end. */
interface Concerned {
  id: string;
  username: string;
  because: "user" | "role";
}

/**
 * Finds whose sessions are to end, without changing anything.
 *
 * @throws {RotationError} USER_NOT_FOUND with every user and role that the realm does not have; any Keycloak code
 */
export async function findConcerned(admin: KeycloakAdmin, some: SomeSessions): Promise<Concerned[]> {
  const found = await Promise.all(some.users.map((name) => findUser(admin, name)));
  const { holders, unknownRoles } = await holdersOfRoles(admin, some.realmRoles);
  const unknownUsers = some.users.filter((_, index) => !found[index]);
  if (unknownUsers.length + unknownRoles.length > 0) throw notFound(admin, unknownUsers, unknownRoles);
  const byName = found.flatMap((user) => (user ? [{ ...user, because: "user" as const }] : []));
  const byRole = holders.map((user) => ({ ...user, because: "role" as const }));
  return [...new Map([...byRole, ...byName].map((user) => [user.id, user])).values()];
}

async function findUser(admin: KeycloakAdmin, name: string) {
  const query = new URLSearchParams({ username: name, exact: "true" });
  const [user] = await admin.get(`/users?${query}`, users);
  return user && { id: user.id, username: user.username };
}

/** Sessions that are to end, and whose. */
export interface FoundSessions {
  sessions: EndedSession[];
  concerned: Concerned[];
  /** True where there are more sessions than are listed. */
  truncated: boolean;
}

/**
 * Finds the sessions that are to end, without changing anything.
 *
 * @param limit the most session ids that are read. Default: 1000
 * @throws {RotationError} USER_NOT_FOUND; any Keycloak code
 */
export async function findSessions(
  admin: KeycloakAdmin,
  what: SessionsToRevoke,
  limit = 1000,
): Promise<FoundSessions> {
  if (what === "all") {
    const found = await listSessions(admin, limit + 1);
    return { sessions: found.slice(0, limit), concerned: [], truncated: found.length > limit };
  }
  const concerned = await findConcerned(admin, what);
  const sessions: EndedSession[] = what.sids.map((sid) => ({ sid, because: "sid" }));
  for (const user of concerned) sessions.push(...(await listSessionsOf(admin, user)));
  return { sessions, concerned, truncated: false };
}

/**
 * Ends sessions at Keycloak: refresh tokens of theirs, offline ones too, are refused from then on. Their access tokens
 * are not known to instances that verify by themselves: that is what the deny-list is for. Safe to repeat: a session
 * that is over already is none any more.
 *
 * @param limit the most session ids that are given. Default: 1000
 * @returns those that were there at the end
 * @throws {RotationError} USER_NOT_FOUND before anything is ended; any Keycloak code
 */
export async function revokeSessions(
  admin: KeycloakAdmin,
  what: SessionsToRevoke,
  progress: (line: string) => void,
  limit = 1000,
): Promise<FoundSessions> {
  const found = await findSessions(admin, what, limit);
  if (what === "all") {
    // It ends offline sessions too, and sets the realm's notBefore (measured with 26.7).
    await admin.post("/logout-all", {});
    progress("every session of the realm is over");
    return found;
  }
  for (const sid of what.sids) await endSession(admin, sid);
  for (const { id } of found.concerned) await admin.post(`/users/${id}/logout`, {});
  // That has set the user's notBefore, so offline tokens are dead; what is left of their sessions is a record.
  for (const { sid, offline } of found.sessions) if (offline) await endSession(admin, sid);
  progress(`over: ${found.sessions.length} sessions, those of ${found.concerned.length} users among them`);
  return found;
}

async function listSessions(admin: KeycloakAdmin, most: number): Promise<EndedSession[]> {
  const found = new Map<string, EndedSession>();
  for (const { id } of await listAllClients(admin)) {
    for (const kind of ["user-sessions", "offline-sessions"] as const) {
      await readPages(admin, `/clients/${id}/${kind}`, sessions, (page) => {
        for (const one of page)
          found.set(one.id, { ...described(one, kind === "offline-sessions"), because: "all" });
        return found.size < most;
      });
    }
  }
  return [...found.values()];
}

function described({ id, username }: z.infer<typeof session>, offline: boolean) {
  return { sid: id, ...(username ? { user: username } : {}), ...(offline ? { offline } : {}) };
}

async function listAllClients(admin: KeycloakAdmin): Promise<z.infer<typeof clients>> {
  const all: z.infer<typeof clients> = [];
  await readPages(admin, "/clients", clients, (page) => {
    all.push(...page);
    return true;
  });
  return all;
}

const pageSize = 200;

/** Reads page by page for as long as more is wanted and there is more. */
async function readPages<T>(
  admin: KeycloakAdmin,
  path: string,
  shape: z.ZodType<T[]>,
  take: (page: T[]) => boolean,
): Promise<void> {
  for (let first = 0; ; first += pageSize) {
    const page = await admin.get(`${path}?first=${first}&max=${pageSize}`, shape);
    if (!take(page) || page.length < pageSize) return;
  }
}

async function listSessionsOf(
  admin: KeycloakAdmin,
  { id, username, because }: Concerned,
): Promise<EndedSession[]> {
  const online = await admin.get(`/users/${id}/sessions`, sessions);
  const offline = await listOfflineSessions(admin, id);
  return [
    ...online.map((one) => ({ sid: one.id, user: username, because })),
    ...offline.map((one) => ({ sid: one.id, user: username, because, offline: true })),
  ];
}

const consents = z.array(
  z.looseObject({ additionalGrants: z.array(z.looseObject({ client: z.string().nullish() })).nullish() }),
);

/** A user's consents name the clients that have offline tokens. */
async function listOfflineSessions(admin: KeycloakAdmin, userId: string): Promise<z.infer<typeof sessions>> {
  const granted = await admin.get(`/users/${userId}/consents`, consents);
  const ids = granted.flatMap(({ additionalGrants }) =>
    (additionalGrants ?? []).flatMap(({ client }) => client ?? []),
  );
  const lists = await Promise.all(
    [...new Set(ids)].map((id) => admin.get(`/users/${userId}/offline-sessions/${id}`, sessions)),
  );
  return lists.flat();
}

/** Whether it is a session or an offline one is not asked: both are ended, and one that is not there is over. */
async function endSession(admin: KeycloakAdmin, sid: string): Promise<void> {
  const path = `/sessions/${encodeURIComponent(sid)}`;
  await admin.deleteIfThere(path);
  await admin.deleteIfThere(`${path}?isOffline=true`);
}

function notFound(admin: KeycloakAdmin, unknownUsers: string[], unknownRoles: string[]): RotationError {
  const what = [
    ...unknownUsers.map((name) => `user ${name}`),
    ...unknownRoles.map((name) => `realm role ${name}`),
  ];
  return new RotationError("USER_NOT_FOUND", `realm ${admin.realmName} has no ${what.join(", no ")}`, {
    nextStep: "mend sessions.revoke; no session was ended",
  });
}
