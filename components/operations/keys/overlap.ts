import { z } from "zod";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import type { RealmClient } from "../keycloak/realm-clients.ts";

const lifespans = z.looseObject({
  accessTokenLifespan: z.number(),
  accessTokenLifespanForImplicitFlow: z.number().optional(),
  ssoSessionMaxLifespan: z.number(),
  ssoSessionMaxLifespanRememberMe: z.number().optional(),
});

/** How long tokens of a key may be around when it no longer signs, and what that is taken from. */
export interface DerivedOverlap {
  seconds: number;
  /** The setting that lasts longest, in words. */
  because: string;
}

/** Clients of this program: their tokens are nobody's but its own. */
const ownClients = /^jwks-break-glass-/;

/**
 * The overlap that logs nobody out: the longest access-token lifetime of the realm and its clients, and the clock skew
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
