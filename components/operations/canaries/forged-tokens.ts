import { createPublicKey, type JsonWebKey } from "node:crypto";
import { base64url, type CryptoKey, decodeJwt, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import type { PublishedJwks } from "../keycloak/jwks.ts";
import type { MintedToken } from "./canary.ts";

/** Ways to forge a token that a correct verifier rejects (RFC 8725, 2). */
export type Forgery = "alg-none" | "hs256-confusion" | "unknown-kid" | "wrong-signature" | "expired";

export interface ForgedToken {
  forgery: Forgery;
  /** Which algorithm's header or key it abuses. */
  algorithm: string;
  token: string;
}

type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>;
const forgersKeys = new Map<string, Promise<KeyPair>>();

/**
 * A key that no issuer has, made once in a process. Ask for it early: to make an RSA key takes longer than to ask a small
 * fleet, and the exposure window waits for it.
 */
export function forgersKey(algorithm: string): Promise<KeyPair> {
  const known = forgersKeys.get(algorithm) ?? generateKeyPair(algorithm);
  forgersKeys.set(algorithm, known);
  // Whoever forges with it gets the failure.
  known.catch(() => undefined);
  return known;
}

/**
 * Forges tokens that carry the claims of a fresh one, so that nothing but the forgery is wrong with them.
 *
 * @param fresh a fresh token for each algorithm
 * @param jwks the realm's published set: the public keys are what an attacker has
 */
export async function forgeTokens(
  fresh: readonly MintedToken[],
  jwks: PublishedJwks,
): Promise<ForgedToken[]> {
  const forged = await Promise.all(fresh.map((token) => forgeOne(token, jwks)));
  return forged.flat();
}

/** A token with the claims and the kid of a real one, signed with a key that the realm does not have. */
export async function forgeSignature(fresh: MintedToken): Promise<ForgedToken> {
  const { privateKey } = await forgersKey(fresh.algorithm);
  const token = await signAs(fresh, fresh.kid, privateKey);
  return { forgery: "wrong-signature", algorithm: fresh.algorithm, token };
}

async function forgeOne(fresh: MintedToken, jwks: PublishedJwks): Promise<ForgedToken[]> {
  const { token, kid, algorithm } = fresh;
  const payload = decodeJwt(token);
  const { privateKey } = await forgersKey(algorithm);
  const unknown = await signAs(fresh, crypto.randomUUID(), privateKey);
  return [
    { forgery: "wrong-signature", algorithm, token: await signAs(fresh, kid, privateKey) },
    { forgery: "unknown-kid", algorithm, token: unknown },
    { forgery: "alg-none", algorithm, token: unsecured(payload, kid) },
    { forgery: "hs256-confusion", algorithm, token: await signWithPublicKey(payload, kid, jwks) },
  ];
}

function signAs({ token, algorithm }: MintedToken, kid: string, key: CryptoKey): Promise<string> {
  return new SignJWT(decodeJwt(token)).setProtectedHeader({ alg: algorithm, typ: "JWT", kid }).sign(key);
}

/** jose's UnsecuredJWT leaves the kid out; with a kid, a verifier that picks its key first is tested as well. */
function unsecured(payload: JWTPayload, kid: string): string {
  const encode = (part: object) => base64url.encode(JSON.stringify(part));
  return `${encode({ alg: "none", typ: "JWT", kid })}.${encode(payload)}.`;
}

/** Signs with the public key's PEM as the HMAC secret: accepted by verifiers that trust the token's `alg` (CVE-2015-9235). */
async function signWithPublicKey(payload: JWTPayload, kid: string, jwks: PublishedJwks): Promise<string> {
  const jwk = jwks.keys.find((key) => key.kid === kid);
  if (!jwk) throw new Error(`the published set has no ${kid}`);
  const pem = createPublicKey({ key: jwk as JsonWebKey, format: "jwk" }).export({
    type: "spki",
    format: "pem",
  });
  return new SignJWT(payload)
    .setProtectedHeader({ alg: "HS256", typ: "JWT", kid })
    .sign(new TextEncoder().encode(pem.toString()));
}
