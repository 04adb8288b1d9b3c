import pLimit from "p-limit";
import { z } from "zod";
import { type Clock, systemClock } from "../base/clock.ts";
import { messageOf, RotationError } from "../base/errors.ts";
import type { CallOptions, Failure, KeycloakAdmin } from "./keycloak-admin.ts";
import { hasAnySession, listSessions, listSessionsOf, type RealmSession } from "./realm-sessions.ts";
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
 * Finds the sessions of some that are to end, without changing anything.
 *
 * @throws {RotationError} USER_NOT_FOUND; any Keycloak code
 */
export async function findSessions(admin: KeycloakAdmin, what: SomeSessions): Promise<FoundSessions> {
  const concerned = await findConcerned(admin, what);
  const listed = what.sids.map((sid) => ({ sid, because: "sid" as const }));
  const theirs = await eachOf(concerned, async ({ id, username, because }) =>
    (await listSessionsOf(admin, id)).map((one) => ({ ...one, user: username, because })),
  );
  return { sessions: [...listed, ...theirs.flat()], concerned, truncated: false };
}

export interface CollectOptions {
  /** The most session ids that are given. Default: 1000. */
  limit?: number;
  /** Milliseconds after which what was read until then has to do. Default: 2000. */
  withinMs?: number;
  /** Default: the system's. */
  clock?: Clock;
}

/** Sessions of the realm, for the deny-list. */
export interface CollectedSessions {
  sessions: EndedSession[];
  /** True where there are, or may be, more sessions than are listed. */
  truncated: boolean;
  /** Why they could not be read: a sentence. */
  failures: string[];
}

/**
 * Reads the ids of the realm's sessions while there still are any. Ending them waits for it, so it takes a bounded time
 * and never throws.
 */
export async function collectSessions(
  admin: KeycloakAdmin,
  { limit = 1000, withinMs = 2_000, clock = systemClock }: CollectOptions = {},
): Promise<CollectedSessions> {
  const found = new Map<string, RealmSession>();
  const end = new AbortController();
  const failures: string[] = [];
  let isWhole = false;
  const listing = listSessions(admin, limit + 1, { found, signal: end.signal }).then(
    () => {
      isWhole = !end.signal.aborted;
    },
    (error: unknown) => {
      if (end.signal.aborted) return;
      failures.push(`the realm's sessions could not be read for the deny-list (${messageOf(error)})`);
    },
  );
  await Promise.race([listing, clock.delay(withinMs, end.signal)]);
  end.abort();
  const sessions = [...found.values()].slice(0, limit).map((one) => ({ ...one, because: "all" as const }));
  return { sessions, truncated: !isWhole || found.size > limit, failures };
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

const realmShape = z.looseObject({ notBefore: z.number().nullish() });

/** How long a logout of all may take once it is under way, in milliseconds, and how often its effect is looked for. */
const logoutMs = 60_000;
/** After a broken connection it may be over at once, or never have begun. */
const brokenMs = 2_000;
const lookEveryMs = 1_000;
/** The look before it only helps to see the effect of a call that gets no answer: the call does not wait long for it. */
const firstLookMs = 1_000;

/**
 * Ends every session of the realm, offline ones too: their refresh tokens are refused from then on. Keycloak calls the
 * admin URL of each client before it answers, and all of it takes effect at the end (measured with 26.7), so a call
 * without an answer is no failure yet: the realm's notBefore, or that no session is left, shows whether it is done.
 *
 * @throws {RotationError} any Keycloak code
 */
export async function endAllSessions(
  admin: KeycloakAdmin,
  progress: (line: string) => void,
  clock: Clock = systemClock,
): Promise<void> {
  const before = await lookAt(admin, { timeoutMs: firstLookMs });
  const isDone = async (failure: Failure) => {
    progress("the logout of all sessions got no answer; looking for its effect");
    const deadline = clock.now() + (failure === "timeout" ? logoutMs : brokenMs);
    for (;;) {
      if (hasEnded(before, await lookAt(admin))) return true;
      if (clock.now() >= deadline) return false;
      await clock.delay(lookEveryMs);
    }
  };
  await admin.postOnce("/logout-all", {}, { isDone });
  progress("every session of the realm is over");
}

/** What shows that a logout of all has had its effect; undefined where it can't be read. */
interface LogoutState {
  notBefore: number | undefined;
  hasSessions: boolean | undefined;
}

async function lookAt(admin: KeycloakAdmin, options: CallOptions = {}): Promise<LogoutState> {
  const [realm, sessions] = await Promise.allSettled([
    admin.get("", realmShape, options),
    hasAnySession(admin, options),
  ]);
  return {
    notBefore: realm.status === "fulfilled" ? (realm.value.notBefore ?? 0) : undefined,
    hasSessions: sessions.status === "fulfilled" ? sessions.value : undefined,
  };
}

function hasEnded(before: LogoutState, now: LogoutState): boolean {
  const hasMoved =
    before.notBefore !== undefined && now.notBefore !== undefined && now.notBefore > before.notBefore;
  return hasMoved || (before.hasSessions === true && now.hasSessions === false);
}

/**
 * Ends sessions at Keycloak: refresh tokens of theirs, offline ones too, are refused from then on. Their access tokens
 * are not known to instances that verify by themselves: that is what the deny-list is for. Safe to repeat: a session
 * that is over already is none any more.
 *
 * @returns those that were there at the end, and the listed ids whether they were there or not
 * @throws {RotationError} USER_NOT_FOUND before anything is ended; any Keycloak code, after all others have been ended
 */
export async function revokeSessions(
  admin: KeycloakAdmin,
  what: SomeSessions,
  progress: (line: string) => void,
): Promise<FoundSessions> {
  const found = await findSessions(admin, what);
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
  await eachOf(concerned, ({ id }) => admin.post(`/users/${id}/logout`, {}, { repeatable: true }));
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
    nextStep: "fix sessions.revoke; no session was ended",
  });
}

export type Revoke = "none" | SessionsToRevoke;
