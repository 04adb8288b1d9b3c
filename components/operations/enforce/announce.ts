import { RotationError } from "../base/errors.ts";
import { listNames } from "../base/list-names.ts";
import type { RefreshResult } from "../fleet/refresh.ts";
import type { RestartResult } from "../fleet/restart.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { awaitEveryJwks, type CutoverRequest, type Progress } from "../keys/cut-over.ts";
import { isTrusted, listSigningKeys } from "../keys/realm-keys.ts";
import { type EnforceRequest, enforce } from "./enforce.ts";

export type AnnounceRequest = Pick<
  EnforceRequest,
  "targets" | "refresh" | "restart" | "probe" | "apiRefreshTokens"
> &
  Pick<CutoverRequest, "jwksUris" | "jwksTimeoutMs"> & {
    /** Kids of the keys that are about to sign. */
    newKids: string[];
  };

export interface AnnounceResult {
  results: RefreshResult[];
  restarts: RestartResult[];
  /** Instances whose answer names the new kids. */
  known: string[];
  /** Instances that have fetched anew by their own word, and do not say what. */
  unproven: string[];
}

/**
 * Has every instance know the new keys before they sign: waits until every JWKS URL shows them, has each instance fetch
 * the set anew, and restarts what can't be refreshed. An instance whose answer carries kids is proven to know them. One
 * whose answer carries none is not, and is said not to be: only a token of the new key could show it, and nothing can
 * sign one without signing those of users, too.
 *
 * @throws {RotationError} ANNOUNCE_FAILED where an instance is left; no key has been changed then
 */
export async function announce(
  admin: KeycloakAdmin,
  request: AnnounceRequest,
  progress: Progress,
): Promise<AnnounceResult> {
  const kids = (await listSigningKeys(admin)).filter(isTrusted).map(({ kid }) => kid);
  await awaitEveryJwks(admin, request, kids, progress);
  const after = new Date().toISOString();
  const nothingRetired = { retired: [], canaries: [], canaryTokens: {}, baseline: [] };
  const { results, restarts, failures, open } = await enforce(
    { ...request, ...nothingRetired, after },
    progress,
  );
  const isAnyone = results.length + restarts.length > 0;
  const left = [...failures, ...open, ...(isAnyone ? [] : ["no instance was found"])];
  if (left.length > 0) throw notAnnounced(left);
  const claimed = results.filter(({ outcome }) => outcome === "claimed");
  const isKnown = ({ kids = [] }: RefreshResult) => request.newKids.every((kid) => kids.includes(kid));
  return {
    results,
    restarts,
    known: claimed.filter(isKnown).map(({ instance }) => instance),
    unproven: claimed.filter((one) => !isKnown(one)).map(({ instance }) => instance),
  };
}

function notAnnounced(left: readonly string[]): RotationError {
  return new RotationError(
    "ANNOUNCE_FAILED",
    `not every instance could be told of the new keys, which therefore do not sign yet: ${listNames(left)}`,
    {
      nextStep:
        "repair what is named or remove it from targets, then run the same up again; users are not affected",
    },
  );
}
