import { createPublicKey, type JsonWebKey } from "node:crypto";
import { decodeJwt, decodeProtectedHeader, type JWK, type JWTPayload, jwtVerify } from "jose";
import type { KeyCache } from "./key-cache.ts";
import type { Behaviour } from "./misbehaviour.ts";

export interface TokenRules {
  issuer: string;
  audience: string | undefined;
}

const algorithms = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];

/** The claims of a token that this instance accepts. Throws where it rejects it. */
export async function verifyToken(
  token: string,
  rules: TokenRules,
  cache: KeyCache,
  behaviour: Behaviour,
): Promise<JWTPayload> {
  if (behaviour === "accept-all") return unchecked(token);
  if (behaviour === "accept-none-alg" && headerAlgorithm(token) === "none")
    return unexpired(decodeJwt(token));
  const checks = {
    issuer: rules.issuer,
    ...(rules.audience === undefined ? {} : { audience: rules.audience }),
  };
  if (behaviour === "accept-hs256-confusion" && headerAlgorithm(token) === "HS256") {
    return verifyWithPublicKeyAsSecret(token, checks, cache);
  }
  const { payload } = await jwtVerify(token, cache.getKey, { ...checks, algorithms });
  return payload;
}

function headerAlgorithm(token: string): string | undefined {
  return decodeProtectedHeader(token).alg;
}

function unchecked(token: string): JWTPayload {
  try {
    return decodeJwt(token);
  } catch {
    return {};
  }
}

function unexpired(payload: JWTPayload): JWTPayload {
  if (payload.exp !== undefined && payload.exp * 1000 <= Date.now()) throw new Error("expired");
  return payload;
}

/** The mistake of CVE-2015-9235: the key is chosen by kid, the algorithm by the token. */
async function verifyWithPublicKeyAsSecret(
  token: string,
  checks: { issuer: string; audience?: string },
  cache: KeyCache,
): Promise<JWTPayload> {
  const { kid } = decodeProtectedHeader(token);
  const jwk = cache.keys.keys.find((key) => key.kid === kid);
  if (!jwk) throw new Error("unknown kid");
  const { payload } = await jwtVerify(token, pemOf(jwk), { ...checks, algorithms: ["HS256"] });
  return payload;
}

function pemOf(jwk: JWK): Uint8Array {
  const pem = createPublicKey({ key: jwk as JsonWebKey, format: "jwk" }).export({
    type: "spki",
    format: "pem",
  });
  return new TextEncoder().encode(pem.toString());
}
