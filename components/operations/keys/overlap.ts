import { z } from "zod";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import type { RealmClient } from "../keycloak/realm-clients.ts";
import type { RealmKey } from "./realm-keys.ts";

const lifespans = z.looseObject({
  accessTokenLifespan: z.number(),
  accessTokenLifespanForImplicitFlow: z.number().optional(),
  ssoSessionMaxLifespan: z.number(),
  ssoSessionMaxLifespanRememberMe: z.number().optional(),
});

/** For how long tokens of a key may be in use after it stops signing, and which setting that follows from. */
export interface DerivedOverlap {
  seconds: number;
  /** The setting that lasts longest, in words. */
  because: string;
}

/** Clients of this program: nobody else uses their tokens. */
const ownClients = /^jwks-break-glass-/;

/**
 * The overlap that logs nobody out: the longest access-token lifetime of the realm and its clients, plus the clock skew
 * that verifiers tolerate.
 *
 * @param clients those of the realm
 * @see https://www.keycloak.org/docs/latest/server_admin/#_timeouts
 */
export async function deriveOverlap(
  admin: KeycloakAdmin,
  clients: readonly RealmClient[],
  clockSkewSeconds: number,
): Promise<DerivedOverlap> {
  const realm = await admin.get("", lifespans);
  const session = Math.max(realm.ssoSessionMaxLifespan, realm.ssoSessionMaxLifespanRememberMe ?? 0);
  const all = [
    { because: "the realm's access-token lifespan", seconds: realm.accessTokenLifespan },
    ...clients
      .filter(({ implicitFlowEnabled }) => implicitFlowEnabled === true)
      .map(({ clientId }) => ({
        because: `the access-token lifespan for the implicit flow (client ${clientId})`,
        seconds: realm.accessTokenLifespanForImplicitFlow ?? 0,
      })),
    ...clients
      .filter(({ clientId }) => !ownClients.test(clientId))
      .map(({ clientId, attributes }) => ({
        because: `the access-token lifespan of client ${clientId}`,
        seconds: lifespanOf(attributes?.["access.token.lifespan"], session),
      })),
  ];
  const { seconds, because } = all.reduce((a, b) => (b.seconds > a.seconds ? b : a));
  return { seconds: seconds + clockSkewSeconds, because };
}

/** -1 means that tokens live as long as the session may. */
function lifespanOf(attribute: string | null | undefined, sessionSeconds: number): number {
  if (!attribute) return 0;
  return Number(attribute) < 0 ? sessionSeconds : Number(attribute) || 0;
}

/**
 * When the overlap ends that is running or was the last, ISO 8601 UTC: the latest end that a key which signs now has begun
 * with its activation. Undefined where none has. Pure.
 */
export function overlapEnd(keys: readonly RealmKey[]): string | undefined {
  return keys
    .flatMap(({ signing, retireAfter }) => (signing && retireAfter ? [retireAfter] : []))
    .toSorted()
    .at(-1);
}

/** The end of an overlap that begins now, ISO 8601 UTC. */
export function newOverlapEnd(overlapMs: number): string {
  return new Date(Date.now() + overlapMs).toISOString();
}
