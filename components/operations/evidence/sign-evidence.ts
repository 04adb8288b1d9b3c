import { CompactSign, calculateJwkThumbprint, type JWK } from "jose";
import { type EvidenceKey, type KeyReading, publicPart, readSigningKey } from "./evidence-key.ts";

export { readSigningKey } from "./evidence-key.ts";

/** The header's `typ`, so that a signature made for something else is not taken for one of a bundle. */
export const evidenceType = "jwks-break-glass-evidence";

/**
 * Signs a bundle's SHA256SUMS and thereby every file in it. The result is the text of `evidence.jws`: a compact JWS with
 * the checksums as its payload. The payload is not detached (RFC 7797), so that any JOSE tool can verify it, and what was
 * signed can still be read after somebody has changed SHA256SUMS.
 *
 * @param sums text of SHA256SUMS
 * @param signingKey secret; see {@link readSigningKey}
 * @throws {Error} that says what is wrong with the key and contains none of it
 */
export async function signManifest(sums: string, signingKey: string): Promise<string> {
  const { key, algorithms } = usable(readSigningKey(signingKey));
  const header = { alg: algorithms[0], typ: evidenceType, kid: await thumbprintOf(key) };
  return new CompactSign(Buffer.from(sums)).setProtectedHeader(header).sign(key);
}

/**
 * The public half of a signing key, for everybody who checks evidence. It is not in the bundles, because somebody who can
 * replace a bundle could replace a key in it, too.
 *
 * @throws {Error} that says what is wrong with the key and contains none of it
 */
export async function publicJwkOf(signingKey: string): Promise<JWK> {
  const { key, algorithms } = usable(readSigningKey(signingKey));
  return { ...publicPart(key), kid: await thumbprintOf(key), alg: algorithms[0], use: "sig" };
}

/** A key's `kid`: its thumbprint by RFC 7638, which follows from the key alone. */
export function thumbprintOf(key: EvidenceKey["key"]): Promise<string> {
  return calculateJwkThumbprint(publicPart(key));
}

function usable(reading: KeyReading): EvidenceKey {
  if (reading.ok) return reading.key;
  throw new Error(`evidence.signingKey ${reading.problems.join("; ")}`);
}
