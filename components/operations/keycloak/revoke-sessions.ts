import pLimit from "p-limit";
import { z } from "zod";
import { RotationError } from "../base/errors.ts";
import type { KeycloakAdmin } from "./keycloak-admin.ts";
import { listSessions, listSessionsOf, type RealmSession } from "./realm-sessions.ts";
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

/** A session that is over. */
export interface EndedSession extends RealmSession {
  because: "sid" | "user" | "role" | "all";
}

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
    const sessions = found.slice(0, limit).map((one) => ({ ...one, because: "all" as const }));
    return { sessions, concerned: [], truncated: found.length > limit };
  }
  const concerned = await findConcerned(admin, what);
  const listed = what.sids.map((sid) => ({ sid, because: "sid" as const }));
  const theirs = await eachOf(concerned, async ({ id, username, because }) =>
    (await listSessionsOf(admin, id)).map((one) => ({ ...one, user: username, because })),
  );
  return { sessions: [...listed, ...theirs.flat()], concerned, truncated: false };
}

/** An administrator's role may have hundreds of holders; more requests at once only keep Keycloak from its users. */
const concurrency = 8;

/** Does it for all of them, also where it fails for some. */
async function eachOf<T, R>(items: readonly T[], act: (item: T) => Promise<R>): Promise<R[]> {
  const limit = pLimit(concurrency);
  const outcomes = await Promise.allSettled(items.map((item) => limit(() => act(item))));
  return outcomes.map((outcome) => {
    if (outcome.status === "rejected") throw outcome.reason;
    return outcome.value;
  });
}

/**
 * Ends sessions at Keycloak: refresh tokens of theirs, offline ones too, are refused from then on. Their access tokens
 * are not known to instances that verify by themselves: that is what the deny-list is for. Safe to repeat: a session
 * that is over already is none any more.
 *
 * @param limit the most session ids that are given. Default: 1000
 * @returns those that were there at the end, and the listed ids whether they were there or not
 * @throws {RotationError} USER_NOT_FOUND before anything is ended; any Keycloak code, after all others have been ended
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
  await endSome(admin, what, found, progress);
  return found;
}

async function endSome(
  admin: KeycloakAdmin,
  { sids }: SomeSessions,
  { sessions, concerned }: FoundSessions,
  progress: (line: string) => void,
): Promise<void> {
  await eachOf(sids, async (sid) => {
    if (!(await endSession(admin, sid))) progress(`session ${sid} was over already`);
  });
  await eachOf(concerned, ({ id }) => admin.post(`/users/${id}/logout`, {}));
  // A logout sets the user's notBefore, which kills offline tokens of the seconds before and leaves those of this one.
  const offline = sessions.filter((one) => one.offline && !sids.includes(one.sid));
  await eachOf(offline, ({ sid }) => endSession(admin, sid));
  progress(`over: ${sessions.length} sessions, those of ${concerned.length} users among them`);
}

/** Whether it is a session or an offline one is not asked: both are ended, and one that is not there is over. */
async function endSession(admin: KeycloakAdmin, sid: string): Promise<boolean> {
  const path = `/sessions/${encodeURIComponent(sid)}`;
  const [online, offline] = [
    await admin.deleteIfThere(path),
    await admin.deleteIfThere(`${path}?isOffline=true`),
  ];
  return online || offline;
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

export type Revoke = "none" | SessionsToRevoke;
