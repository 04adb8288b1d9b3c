import { z } from "zod";
import type { CallOptions, KeycloakAdmin } from "./keycloak-admin.ts";

/** A session that Keycloak has. Holds no secret. */
export interface RealmSession {
  /** As in its tokens, and so on deny-lists. */
  sid: string;
  user?: string;
  /** Whether it is that of an offline token, which outlives logins. */
  offline?: boolean;
}

const sessions = z.array(z.looseObject({ id: z.string(), username: z.string().nullish() }));
type Page = z.infer<typeof sessions>;

/** Clients that have sessions; a realm may have thousands that have none. */
const sessionStats = z.array(
  z.looseObject({ id: z.string(), active: z.coerce.number(), offline: z.coerce.number() }),
);

/** Whether anybody is logged in, or has an offline token. */
export async function hasAnySession(admin: KeycloakAdmin, options: CallOptions = {}): Promise<boolean> {
  const stats = await admin.get("/client-session-stats", sessionStats, options);
  return stats.some(({ active, offline }) => active + offline > 0);
}

/** A list that others may look at before it is whole. */
export interface SessionListing {
  /** By session id. */
  found: Map<string, RealmSession>;
  /** Ends the reading. */
  signal: AbortSignal;
}

/**
 * Reads the realm's sessions and offline sessions, at least as many as asked for, or all.
 *
 * @param most from how many on no more are read
 */
export async function listSessions(
  admin: KeycloakAdmin,
  most: number,
  { found, signal }: SessionListing,
): Promise<void> {
  for (const { id, active, offline } of await admin.get("/client-session-stats", sessionStats)) {
    for (const kind of ["user-sessions", "offline-sessions"] as const) {
      const isOffline = kind === "offline-sessions";
      if (signal.aborted || found.size >= most || (isOffline ? offline : active) === 0) continue;
      await readPages(admin, `/clients/${id}/${kind}`, (page) => {
        if (signal.aborted) return false;
        for (const one of page) found.set(one.id, described(one, isOffline));
        return found.size < most;
      });
    }
  }
}

const pageSize = 200;

/** Reads page by page for as long as more is wanted and there is more. */
async function readPages(
  admin: KeycloakAdmin,
  path: string,
  wantsMore: (page: Page) => boolean,
): Promise<void> {
  for (let first = 0; ; first += pageSize) {
    const page = await admin.get(`${path}?first=${first}&max=${pageSize}`, sessions);
    if (!wantsMore(page) || page.length < pageSize) return;
  }
}

/** A user's sessions and offline sessions. */
export async function listSessionsOf(admin: KeycloakAdmin, userId: string): Promise<RealmSession[]> {
  const online = await admin.get(`/users/${userId}/sessions`, sessions);
  const offline = await listOfflineSessions(admin, userId);
  return [...online.map((one) => described(one, false)), ...offline.map((one) => described(one, true))];
}

const consents = z.array(
  z.looseObject({ additionalGrants: z.array(z.looseObject({ client: z.string().nullish() })).nullish() }),
);

/** A user's consents name the clients that have offline tokens. */
async function listOfflineSessions(admin: KeycloakAdmin, userId: string): Promise<Page> {
  const granted = await admin.get(`/users/${userId}/consents`, consents);
  const clientIds = granted.flatMap(({ additionalGrants }) =>
    (additionalGrants ?? []).flatMap(({ client }) => client ?? []),
  );
  const lists = await Promise.all(
    [...new Set(clientIds)].map((id) => admin.get(`/users/${userId}/offline-sessions/${id}`, sessions)),
  );
  return lists.flat();
}

function described({ id, username }: Page[number], offline: boolean): RealmSession {
  return { sid: id, ...(username ? { user: username } : {}), ...(offline ? { offline } : {}) };
}
