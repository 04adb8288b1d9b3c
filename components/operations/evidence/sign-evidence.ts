import { CompactSign, calculateJwkThumbprint, type JWK } from "jose";
import { type EvidenceKey, type KeyReading, publicPart, readSigningKey } from "./evidence-key.ts";

export { readSigningKey } from "./evidence-key.ts";

/** What the header says that the signature is for, so that none made for something else passes for one. */
export const evidenceType = "jwks-break-glass-evidence";

/**
 * Signs a bundle's SHA256SUMS and thereby every file in it. The result is the text of `evidence.jws`: a compact JWS with
 * the sums as its payload. They are not detached (RFC 7797), although they lie beside it, because any JOSE tool
 * verifies it as it is, and because what was signed can then still be read where somebody has changed the sums.
 *
 * @param sums text of SHA256SUMS
 * @param signingKey secret; see {@link readSigningKey}
 * @throws {Error} with what is wrong with the key, and nothing of it
 */
export async function signManifest(sums: string, signingKey: string): Promise<string> {
  const { key, algorithms } = usable(readSigningKey(signingKey));
  const header = { alg: algorithms[0], typ: evidenceType, kid: await thumbprintOf(key) };
  return new CompactSign(Buffer.from(sums)).setProtectedHeader(header).sign(key);
}

/**
 * The public half of a signing key, for everybody who checks evidence. It is handed out apart from the bundles: whoever
 * can replace a bundle could replace a key in it.
 *
 * @throws {Error} with what is wrong with the key, and nothing of it
 */
export async function publicJwkOf(signingKey: string): Promise<JWK> {
  const { key, algorithms } = usable(readSigningKey(signingKey));
  return { ...publicPart(key), kid: await thumbprintOf(key), alg: algorithms[0], use: "sig" };
}

/** A key's `kid`: its thumbprint by RFC 7638, so that the key alone tells it. */
export function thumbprintOf(key: EvidenceKey["key"]): Promise<string> {
  return calculateJwkThumbprint(publicPart(key));
}

function usable(reading: KeyReading): EvidenceKey {
  if (reading.ok) return reading.key;
  throw new Error(`evidence.signingKey ${reading.problems.join("; ")}`);
}
