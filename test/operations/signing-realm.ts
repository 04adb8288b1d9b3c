import {
  base64url,
  type CryptoKey,
  createLocalJWKSet,
  exportJWK,
  generateKeyPair,
  type JSONWebKeySet,
  type JWTPayload,
  jwtVerify,
  SignJWT,
} from "jose";
import type { MintedToken } from "#operations/canaries/canary";
import type { PublishedJwks } from "#operations/keycloak/jwks";

interface KeyPair {
  privateKey: CryptoKey;
  jwk: PublishedJwks["keys"][number];
}

/** What a realm is to the program's pure part: keys by kid, and tokens signed with them. */
export interface SigningRealm {
  mint: (kid: string, claims?: JWTPayload) => Promise<MintedToken>;
  jwks: (...kids: string[]) => PublishedJwks;
}

/** Makes real keys: a name and an algorithm for each. */
export async function signingRealm(keys: Record<string, string>): Promise<SigningRealm> {
  const pairs = new Map<string, KeyPair>();
  for (const [kid, algorithm] of Object.entries(keys)) pairs.set(kid, await makeKey(kid, algorithm));
  return {
    mint: async (kid, claims = {}) => mint(kid, keys[kid] ?? "", keyOf(pairs, kid).privateKey, claims),
    jwks: (...kids) => ({ keys: kids.map((kid) => keyOf(pairs, kid).jwk) }),
  };
}

function keyOf(pairs: ReadonlyMap<string, KeyPair>, kid: string): KeyPair {
  const pair = pairs.get(kid);
  if (!pair) throw new Error(`no key ${kid}`);
  return pair;
}

async function makeKey(kid: string, alg: string): Promise<KeyPair> {
  const { privateKey, publicKey } = await generateKeyPair(alg);
  const { kty = "", ...rest } = await exportJWK(publicKey);
  return { privateKey, jwk: { ...rest, kty, kid, alg, use: "sig" } };
}

async function mint(kid: string, alg: string, key: CryptoKey, claims: JWTPayload): Promise<MintedToken> {
  const now = Math.floor(Date.now() / 1000);
  const jti = crypto.randomUUID();
  const exp = now + 3600;
  const payload = { iss: "https://sso.example/realms/shop", sub: "probe", iat: now, exp, jti, ...claims };
  const token = await new SignJWT(payload).setProtectedHeader({ alg, kid, typ: "JWT" }).sign(key);
  return { token, kid, algorithm: alg, jti, expiresAt: new Date(payload.exp * 1000).toISOString() };
}

/** A published set as jose takes it. */
export function localKeys(jwks: PublishedJwks): ReturnType<typeof createLocalJWKSet> {
  return createLocalJWKSet(jwks as JSONWebKeySet);
}

/** Whether a sound resource server would accept a token, with jose and the set that it has. */
export async function soundVerifier(
  token: string,
  jwks: PublishedJwks,
  clockTolerance = 0,
): Promise<boolean> {
  const algorithms = [...new Set(jwks.keys.map(({ alg }) => alg ?? ""))];
  try {
    await jwtVerify(token, localKeys(jwks), { algorithms, clockTolerance });
    return true;
  } catch {
    return false;
  }
}

/** The part of a token by its place: 0 is the header, 1 the claims. */
export function partOf(token: string, place: 0 | 1): Record<string, unknown> {
  const text = new TextDecoder().decode(base64url.decode(token.split(".")[place] ?? ""));
  return JSON.parse(text) as Record<string, unknown>;
}
