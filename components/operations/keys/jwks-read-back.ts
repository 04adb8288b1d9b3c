import { messageOf, RotationError } from "../base/errors.ts";
import { within } from "../base/within.ts";
import {
  awaitJwks,
  awaitSet,
  discover,
  type ExpectedKids,
  type JwksReadBack,
  type PublishedJwks,
  type ReadBackOptions,
  readJwks,
} from "../keycloak/jwks.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { isTrusted, type RealmKey } from "./realm-keys.ts";

/** Where verifiers fetch the keys. */
export interface VerifierUrls {
  /** Every JWKS URL that verifiers use. Empty: the issuer's own. */
  jwksUris: string[];
  /** Milliseconds until each must show the new set. Default: 60000. */
  jwksTimeoutMs?: number;
}

/** Called for each change, with a line that can be shown. */
export type Progress = (line: string) => void;

/** What a JWKS URL is to show of a realm with these keys. Pure. */
export function expectedKids(keys: readonly RealmKey[]): ExpectedKids {
  const [present, absent] = [keys.filter(isTrusted), keys.filter((key) => !isTrusted(key))];
  return { present: present.map(({ kid }) => kid), absent: absent.map(({ kid }) => kid) };
}

/**
 * Waits until every JWKS URL that verifiers use shows the expected kids.
 * @throws {RotationError} JWKS_NOT_CURRENT
 */
export async function awaitEveryJwks(
  admin: KeycloakAdmin,
  verifiers: VerifierUrls,
  expected: ExpectedKids,
  progress: Progress,
  pace: Pick<ReadBackOptions, "intervalMs"> = {},
): Promise<JwksReadBack[]> {
  const urls = await urlsOf(admin, verifiers);
  const { jwksTimeoutMs: timeoutMs = 60_000 } = verifiers;
  const reads = await Promise.all(urls.map((url) => awaitJwks(admin, url, expected, { ...pace, timeoutMs })));
  for (const { url, reads: count } of reads) progress(`${url} shows the new set (${count} reads in a row)`);
  return reads;
}

/** Each read has a connection of its own: what matters is how many there are, not how far apart. */
const hurried = { intervalMs: 30 };

/** What came of waiting for every JWKS URL. */
export interface SettledJwks {
  readBack: JwksReadBack[];
  /** URLs that never showed the new set, a sentence each. */
  problems: string[];
}

/** As {@link awaitEveryJwks}, for an emergency: a URL that never shows the new set is a result, and holds up no other. */
export async function settleEveryJwks(
  admin: KeycloakAdmin,
  verifiers: VerifierUrls,
  expected: ExpectedKids,
  progress: Progress,
): Promise<SettledJwks> {
  const urls = await urlsOf(admin, verifiers);
  const settled = await Promise.allSettled(
    urls.map((url) => awaitEveryJwks(admin, { ...verifiers, jwksUris: [url] }, expected, progress, hurried)),
  );
  return {
    readBack: settled.flatMap((one) => (one.status === "fulfilled" ? one.value : [])),
    problems: settled.flatMap((one) => (one.status === "rejected" ? [messageOf(one.reason)] : [])),
  };
}

/** Every JWKS URL that verifiers use. */
export async function urlsOf(
  admin: KeycloakAdmin,
  { jwksUris }: Pick<VerifierUrls, "jwksUris">,
): Promise<string[]> {
  return jwksUris.length > 0 ? jwksUris : [(await discover(admin)).jwksUri];
}

export interface ReadBack {
  /** When every JWKS URL had shown the new set, in an emergency the first of them; ISO 8601 UTC. */
  completedAt: string;
  /** The issuer's own set. */
  jwksAfter: PublishedJwks;
  jwksReadBack: JwksReadBack[];
}

/** Waits until every JWKS URL shows the keys as they are now, and reads the issuer's. */
export async function readBack(
  admin: KeycloakAdmin,
  verifiers: VerifierUrls,
  keys: readonly RealmKey[],
  progress: Progress,
): Promise<ReadBack> {
  const { jwksUri } = await discover(admin);
  const jwksUris = verifiers.jwksUris.length > 0 ? verifiers.jwksUris : [jwksUri];
  const jwksReadBack = await awaitEveryJwks(admin, { ...verifiers, jwksUris }, expectedKids(keys), progress);
  return { jwksAfter: await readJwks(admin, jwksUri), completedAt: new Date().toISOString(), jwksReadBack };
}

/** How long an emergency waits for the first good read, in milliseconds. Refreshing too early costs another refresh. */
const firstReadMs = 5_000;

/**
 * As {@link readBack}, for an emergency: the first good read of any URL is enough to start refreshing, and where there
 * is none, instances are refreshed regardless. The other reads go on while they are asked. A URL that can't be read
 * is no error here.
 */
export async function readFirst(
  admin: KeycloakAdmin,
  verifiers: VerifierUrls,
  keys: readonly RealmKey[],
): Promise<ReadBack> {
  const expected = expectedKids(keys);
  const first = (urls: readonly string[]) =>
    Promise.any(urls.map((url) => awaitSet(admin, url, expected, { reads: 1, timeoutMs: firstReadMs })));
  const issuers = discover(admin).then(({ jwksUri }) => first([jwksUri]));
  // It is asked for at the end.
  issuers.catch(() => undefined);
  const { jwksUris } = verifiers;
  const unread: PublishedJwks = { keys: [] };
  await within(firstReadMs, jwksUris.length > 0 ? first(jwksUris) : issuers).catch(ignored);
  const completedAt = new Date().toISOString();
  // For the evidence: as a rule it has been read by now.
  const jwksAfter = (await within(issuersMs, issuers).catch(ignored)) ?? unread;
  return { completedAt, jwksAfter, jwksReadBack: [] };
}

/** How long the refresh waits for the issuer's own set, where verifiers use others, in milliseconds. */
const issuersMs = 250;

/** A URL that shows no new set, or none at all, is a problem that the verification names. */
function ignored(error: unknown): undefined {
  const causes: unknown[] = error instanceof AggregateError ? error.errors : [error];
  const bug = causes.find((cause) => !(cause instanceof RotationError));
  if (bug !== undefined) throw bug;
  return undefined;
}
