import { RotationError } from "../base/errors.ts";
import { discover, readJwks, signatureKids } from "../keycloak/jwks.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { isTrusted, type RealmKey } from "../keys/realm-keys.ts";
import { type Examined, type Finding, findingOf } from "./finding.ts";

/** Reads of each URL: several, because it may be served by several nodes or caches. */
const readsOfEach = 5;

/**
 * Reads discovery and every JWKS URL from here, several times, and compares what they show with the realm's keys. Keys of
 * other issuers in the same set are nobody's business.
 *
 * @param jwksUris those of the config; empty: the issuer's own
 */
export async function examineKeySets(
  admin: KeycloakAdmin,
  jwksUris: readonly string[],
  keys: readonly RealmKey[],
): Promise<Examined> {
  const realm = admin.realmName;
  try {
    const { jwksUri } = await discover(admin);
    const urls = jwksUris.length > 0 ? jwksUris : [jwksUri];
    const reads = await Promise.all(urls.map((url) => readOften(admin, url)));
    const findings = urls.flatMap((url, index) => judgeReads(realm, url, reads[index] ?? [], keys));
    const noun = urls.length === 1 ? "JWKS URL" : "JWKS URLs";
    return {
      check: "key sets",
      realm,
      seen: `discovery and ${urls.length} ${noun}, ${readsOfEach} reads each`,
      findings,
    };
  } catch (error) {
    const emergency =
      "the keys are disabled regardless, but the run ends red: verifiers may be unable to read the keys, too";
    const finding = findingOf(error, { realm, severity: "problem", emergency });
    return { check: "key sets", realm, seen: "discovery can't be read from here", findings: [finding] };
  }
}

/** The kids that each read showed, or why it failed. */
type Read = readonly string[] | RotationError;

async function readOften(admin: KeycloakAdmin, url: string): Promise<Read[]> {
  return Promise.all(
    Array.from({ length: readsOfEach }, async () => {
      try {
        return signatureKids(await readJwks(admin, url, { attempts: 1 }));
      } catch (error) {
        if (error instanceof RotationError) return error;
        throw error;
      }
    }),
  );
}

/** Pure. */
export function judgeReads(
  realm: string,
  url: string,
  reads: readonly Read[],
  keys: readonly RealmKey[],
): Finding[] {
  const failed = reads.filter((read) => read instanceof RotationError);
  const differing = reads.flatMap((read) => {
    const difference = read instanceof RotationError ? "" : describeDifference(read, keys);
    return difference === "" ? [] : [difference];
  });
  const of = (count: number) => `${count} of ${reads.length} reads`;
  const [failure] = failed;
  return [
    ...(failure
      ? [
          {
            ...findingOf(failure, { realm, severity: "problem", emergency: "" }),
            what: `${failure.what} (${of(failed.length)})`,
            emergency:
              "the keys are disabled and the instances are told, but the run ends red and names this URL",
          },
        ]
      : []),
    ...(differing.length > 0
      ? [
          {
            code: "JWKS_NOT_CURRENT" as const,
            severity: "problem" as const,
            realm,
            what: `${url} does not show the realm's keys: ${[...new Set(differing)].join("; ")} (${of(differing.length)})`,
            emergency:
              "instances that fetch there may get the stolen key back, or refuse the users' new tokens; the run ends red",
            next: "shorten the cache in front of it (CDN, proxy), or find the Keycloak node that is behind; jwksTimeoutSeconds must be longer than that cache",
          },
        ]
      : []),
  ];
}

function describeDifference(kids: readonly string[], keys: readonly RealmKey[]): string {
  const missing = keys.filter(isTrusted).filter(({ kid }) => !kids.includes(kid));
  const dead = keys.filter((key) => !isTrusted(key) && kids.includes(key.kid));
  return [
    ...missing.map(({ kid }) => `lacks ${kid}`),
    ...dead.map(({ kid }) => `still has the disabled ${kid}`),
  ].join(", ");
}
