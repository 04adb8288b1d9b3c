import { RotationError } from "../base/errors.ts";
import { listNames } from "../base/list-names.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { RefreshResult } from "../fleet/refresh.ts";
import type { RestartResult } from "../fleet/restart.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { awaitEveryJwks, expectedKids, type VerifierUrls } from "../keys/jwks-read-back.ts";
import { listSigningKeys } from "../keys/realm-keys.ts";
import { enforce } from "./enforce.ts";

export interface AnnounceRequest extends VerifierUrls {
  fleet: Fleet;
  /** Kids of the keys that are about to sign. */
  newKids: string[];
}

export interface AnnounceResult {
  results: RefreshResult[];
  restarts: RestartResult[];
  /** Instances whose answer names the new kids. */
  known: string[];
  /** Instances that reported a refresh and do not say of which keys. */
  unproven: string[];
}

/**
 * Has every instance know the new keys before they sign: waits until every JWKS URL shows them, has each instance fetch
 * the set anew, and restarts what can't be refreshed. An instance whose answer names kids is proven to know them. One whose
 * answer names none is not, and is reported as unproven: only a token of the new key could show it, and nothing can sign
 * one without signing those of users, too.
 *
 * @throws {RotationError} ANNOUNCE_FAILED where an instance could not be told; no key has been changed then
 */
export async function announce(
  admin: KeycloakAdmin,
  request: AnnounceRequest,
  progress: (line: string) => void,
): Promise<AnnounceResult> {
  const { fleet, newKids } = request;
  const expected = expectedKids(await listSigningKeys(admin));
  await awaitEveryJwks(admin, request, expected, progress);
  const retired = {
    keys: [],
    canaries: [],
    canaryTokens: {},
    controls: [],
    baseline: [],
    cutOverAt: new Date().toISOString(),
  };
  const { results, restarts, failures, open } = await enforce({ fleet, newKids, retired }, progress);
  const isAnyone = results.length + restarts.length > 0;
  const untold = [...failures, ...open, ...(isAnyone ? [] : ["no instance was found"])];
  if (untold.length > 0) throw notAnnounced(untold);
  const claimed = results.filter(({ outcome }) => outcome === "claimed");
  const isKnown = ({ kids = [] }: RefreshResult) => newKids.every((kid) => kids.includes(kid));
  return {
    results,
    restarts,
    known: claimed.filter(isKnown).map(({ instance }) => instance),
    unproven: claimed.filter((result) => !isKnown(result)).map(({ instance }) => instance),
  };
}

function notAnnounced(untold: readonly string[]): RotationError {
  return new RotationError(
    "ANNOUNCE_FAILED",
    `not every instance could be told of the new keys, so they do not sign yet: ${listNames(untold)}`,
    {
      nextStep:
        "fix what is named or remove it from targets, then run the same up again; users are not affected",
    },
  );
}
