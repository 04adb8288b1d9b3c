import { z } from "zod";
import { RotationError } from "../base/errors.ts";
import { awaitState } from "./await-state.ts";
import type { KeycloakAdmin, PublicRequest } from "./keycloak-admin.ts";

const jwksShape = z.looseObject({
  keys: z.array(
    z.looseObject({
      // Keys of other issuers in the same set may have none.
      kid: z.string().optional(),
      kty: z.string(),
      use: z.string().optional(),
      alg: z.string().optional(),
    }),
  ),
});

/** A JSON Web Key Set (RFC 7517) as published: public keys only. */
export type PublishedJwks = z.infer<typeof jwksShape>;

const discoveryShape = z.looseObject({
  issuer: z.string(),
  jwks_uri: z.string(),
  token_endpoint: z.string(),
  userinfo_endpoint: z.string(),
});

export interface Discovery {
  issuer: string;
  jwksUri: string;
  tokenEndpoint: string;
  userinfoEndpoint: string;
}

/** How patiently a public URL is read. */
export type ReadOptions = Pick<PublicRequest, "attempts" | "timeoutMs">;

/** The realm's endpoints by OpenID Connect Discovery 1.0. */
export async function discover(admin: KeycloakAdmin, options: ReadOptions = {}): Promise<Discovery> {
  const url = `${admin.realmUrl}/.well-known/openid-configuration`;
  const read = await readJson(admin, url, discoveryShape, options);
  return {
    issuer: read.issuer,
    jwksUri: read.jwks_uri,
    tokenEndpoint: read.token_endpoint,
    userinfoEndpoint: read.userinfo_endpoint,
  };
}

/**
 * Reads one JWKS URL.
 * @throws {RotationError} JWKS_UNREADABLE when it does not answer 200 with a key set; KEYCLOAK_UNREACHABLE where it is
 *   Keycloak's own and there is no answer
 */
export async function readJwks(
  admin: KeycloakAdmin,
  url: string,
  options: ReadOptions = {},
): Promise<PublishedJwks> {
  try {
    return await readJson(admin, url, jwksShape, options);
  } catch (error) {
    const isKeycloak = new URL(url).origin === new URL(admin.connection.url).origin;
    if (isKeycloak || !(error instanceof RotationError) || error.code !== "KEYCLOAK_UNREACHABLE") throw error;
    throw new RotationError("JWKS_UNREADABLE", `${url} gives no answer (${error.what})`, {
      nextStep: "check the jwksUris in the stack config, and whether this machine may reach that URL",
      cause: error,
    });
  }
}

/** Each read has a connection of its own: behind a balancer of connections, one that is kept would show one node only. */
async function readJson<T>(
  admin: KeycloakAdmin,
  url: string,
  shape: z.ZodType<T>,
  options: ReadOptions,
): Promise<T> {
  const answer = await admin.fetchPublic(url, {
    ...options,
    headers: { accept: "application/json" },
    ownConnection: true,
  });
  try {
    if (answer.status === 200) return shape.parse(JSON.parse(answer.body));
  } catch {
    // Not JSON, or not of this shape: reported below like any other wrong answer.
  }
  throw new RotationError(
    "JWKS_UNREADABLE",
    `${url} answered HTTP ${answer.status} without the JSON expected`,
    {
      nextStep: "check the jwksUris in the stack config; verifiers that use this URL can't fetch keys either",
    },
  );
}

/** The kids of a set that may verify signatures: `use` is `sig` or not given. */
export function signatureKids(jwks: PublishedJwks): string[] {
  return jwks.keys.filter(({ use }) => use === undefined || use === "sig").flatMap(({ kid }) => kid ?? []);
}

/** What a key set is to show of one realm. Keys of other issuers in the same set are nobody's business. */
export interface ExpectedKids {
  present: readonly string[];
  absent: readonly string[];
}

export interface JwksReadBack {
  url: string;
  /** How many reads in a row showed exactly the expected set. */
  reads: number;
  /** When the last read of that row was done, ISO 8601 UTC. */
  currentAt: string;
  /** Those of the expected kids that it showed. */
  kids: string[];
}

export interface ReadBackOptions {
  /** Reads in a row that must agree: several, because a URL may be served by several nodes or caches. Default: 5. */
  reads?: number;
  /** Milliseconds until it is given up. Default: 60000. */
  timeoutMs?: number;
  /** Milliseconds between reads. Default: 100. */
  intervalMs?: number;
}

/**
 * Waits until a JWKS URL shows the expected signature kids in several reads in a row. Instances must not
 * be told to fetch before this holds, or they would fetch the old set and be called refreshed.
 *
 * @throws {RotationError} JWKS_NOT_CURRENT with the difference when the time is up
 */
export async function awaitJwks(
  admin: KeycloakAdmin,
  url: string,
  expected: ExpectedKids,
  options: ReadBackOptions = {},
): Promise<JwksReadBack> {
  await awaitSet(admin, url, expected, options);
  const { reads = 5 } = options;
  return { url, reads, currentAt: new Date().toISOString(), kids: [...expected.present] };
}

/**
 * As {@link awaitJwks}.
 * @returns the set that the last read showed
 */
export async function awaitSet(
  admin: KeycloakAdmin,
  url: string,
  expected: ExpectedKids,
  { reads = 5, timeoutMs = 60_000, intervalMs = 100 }: ReadBackOptions = {},
): Promise<PublishedJwks> {
  const { set } = await awaitState(
    () => readOnce(admin, url, expected),
    ({ problem }) => problem === "",
    {
      what: `${url} shows the new set`,
      describe: ({ problem }) => problem,
      readsInARow: reads,
      timeoutMs,
      intervalMs,
      neverSeen: ({ problem }) => notCurrent(url, problem, timeoutMs),
      seenAtTimes: ({ good, all }, last) => {
        const otherwise = last ? ` (otherwise it ${last.problem})` : "";
        return notCurrent(url, `shows the new set in only ${good} of ${all} reads${otherwise}`, timeoutMs);
      },
    },
  );
  return set;
}

/** What one read shows, and what is wrong with it; empty where nothing is. */
interface JwksRead {
  set: PublishedJwks;
  problem: string;
}

/** A read that fails is a bad read, not the end of the wait. */
async function readOnce(admin: KeycloakAdmin, url: string, expected: ExpectedKids): Promise<JwksRead> {
  try {
    // One attempt: a read that fails is one that verifiers may meet with, too, and the wait goes on after it.
    const set = await readJwks(admin, url, { attempts: 1 });
    return { set, problem: describeDifference(signatureKids(set), expected) };
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    return { set: { keys: [] }, problem: `can't be read (${error.message})` };
  }
}

function describeDifference(kids: readonly string[], { present, absent }: ExpectedKids): string {
  const missing = present.filter((kid) => !kids.includes(kid)).map((kid) => `lacks ${kid}`);
  const extra = absent.filter((kid) => kids.includes(kid)).map((kid) => `still has ${kid}`);
  return [...missing, ...extra].join(", ");
}

function notCurrent(url: string, difference: string, timeoutMs: number): RotationError {
  return new RotationError("JWKS_NOT_CURRENT", `${url} ${difference} after ${timeoutMs / 1000} s`, {
    nextStep: "purge the cache in front of it (CDN, proxy, second Keycloak node), then run the same up again",
  });
}
