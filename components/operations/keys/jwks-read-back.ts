import { awaitJwks, discover, type JwksReadBack, type PublishedJwks, readJwks } from "../keycloak/jwks.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";

/** Where verifiers fetch the keys. */
export interface VerifierUrls {
  /** Every JWKS URL that verifiers use. Empty: the issuer's own. */
  jwksUris: string[];
  /** Milliseconds until each must show the new set. Default: 60000. */
  jwksTimeoutMs?: number;
}

/** Called for each change, with a line that can be shown. */
export type Progress = (line: string) => void;

/** Waits until every JWKS URL that verifiers use shows exactly these kids. */
export async function awaitEveryJwks(
  admin: KeycloakAdmin,
  { jwksUris, jwksTimeoutMs = 60_000 }: VerifierUrls,
  kids: readonly string[],
  progress: Progress,
): Promise<JwksReadBack[]> {
  const urls = jwksUris.length > 0 ? jwksUris : [(await discover(admin)).jwksUri];
  const reads = await Promise.all(
    urls.map((url) => awaitJwks(admin, url, kids, { timeoutMs: jwksTimeoutMs })),
  );
  for (const { url, reads: count } of reads) progress(`${url} shows the new set (${count} reads in a row)`);
  return reads;
}

export interface ReadBack {
  /** When every JWKS URL had shown the new set, ISO 8601 UTC. */
  completedAt: string;
  /** The issuer's own set. */
  jwksAfter: PublishedJwks;
  jwksReadBack: JwksReadBack[];
}

/** Waits until every JWKS URL shows the keys that are trusted now, and reads the issuer's. */
export async function readBack(
  admin: KeycloakAdmin,
  verifiers: VerifierUrls,
  kids: readonly string[],
  progress: Progress,
): Promise<ReadBack> {
  const { jwksUri } = await discover(admin);
  const jwksUris = verifiers.jwksUris.length > 0 ? verifiers.jwksUris : [jwksUri];
  const jwksReadBack = await awaitEveryJwks(admin, { ...verifiers, jwksUris }, kids, progress);
  return { jwksAfter: await readJwks(admin, jwksUri), completedAt: new Date().toISOString(), jwksReadBack };
}
