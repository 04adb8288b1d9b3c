import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";

/** The key that evidence is signed or checked with. */
export interface EvidenceKey {
  key: KeyObject;
  /** JWS algorithms that the key may be used with, the preferred one first. */
  algorithms: readonly [string, ...string[]];
}

/** A key, or everything that is wrong with it, in words that contain none of its material. */
export type KeyReading = { ok: true; key: EvidenceKey } | { ok: false; problems: string[] };

type Part = "private" | "public";
type Jwk = Readonly<Record<string, unknown>>;

const minRsaBits = 2048;

/**
 * Reads `evidence.signingKey`: a private JWK as JSON, or PKCS#8 PEM; EC P-256 or P-384, Ed25519, or RSA of 2048 bits or
 * more. Never throws; a problem is a phrase that follows the name of the config key.
 */
export function readSigningKey(text: string): KeyReading {
  const reading = readKey(text, "private");
  if (!reading.ok || isWhole(reading.key.key)) return reading;
  return invalid("has private and public parts that don't belong together");
}

/** Reads the key that evidence is checked with: a public JWK as JSON, or SPKI PEM. Never throws. */
export function readVerificationKey(text: string): KeyReading {
  return readKey(text, "public");
}

function readKey(text: string, wanted: Part): KeyReading {
  const trimmed = text.trim();
  if (trimmed === "") return invalid("is empty");
  return trimmed.startsWith("{") ? readJwk(trimmed, wanted) : readPem(trimmed, wanted);
}

function readJwk(text: string, wanted: Part): KeyReading {
  const jwk = parse(text);
  if (!jwk) return invalid("looks like a JWK, but is not valid JSON");
  const problems = jwkProblems(jwk, wanted);
  if (problems.length > 0) return { ok: false, problems };
  try {
    const create = wanted === "private" ? createPrivateKey : createPublicKey;
    return judge(create({ key: { ...jwk }, format: "jwk" }), jwk.alg);
  } catch {
    // The error's own text may quote the key.
    return invalid("is a JWK whose members don't form a key");
  }
}

function parse(text: string): Jwk | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function jwkProblems(jwk: Jwk, wanted: Part): string[] {
  if (Array.isArray(jwk.keys)) return ["is a key set: use one of its keys"];
  if (jwk.kty === "oct") return [symmetric];
  const isPrivate = jwk.d !== undefined;
  const ops = jwk.key_ops;
  const use = wanted === "private" ? "sign" : "verify";
  return [
    ...(wanted === "private" && !isPrivate ? [publicGiven] : []),
    ...(wanted === "public" && isPrivate ? [privateGiven] : []),
    ...(jwk.use !== undefined && jwk.use !== "sig" ? ["is not for signatures according to its `use`"] : []),
    ...(Array.isArray(ops) && !ops.includes(use) ? [`may not ${use} according to its \`key_ops\``] : []),
  ];
}

const symmetric =
  "is symmetric: everybody who can check a signature with it can also forge one; use an EC, Ed25519 or RSA key";
const publicGiven = "is a public key: signing needs the private one";
const privateGiven = "is a private key: checking needs only the public one, and nobody else should see this";

function readPem(text: string, wanted: Part): KeyReading {
  const label = /^-----BEGIN ([A-Z0-9 ]+)-----/.exec(text)?.[1];
  if (label === undefined) return invalid("is neither a JWK (JSON) nor PEM");
  if (label === "CERTIFICATE") return invalid("is a certificate: use its key");
  if (label === "ENCRYPTED PRIVATE KEY" || text.includes("Proc-Type:"))
    return invalid("is encrypted with a passphrase: remove that; the config stores the key as a secret");
  const isPrivate = label.endsWith("PRIVATE KEY");
  if (wanted === "private" && !isPrivate) return invalid(publicGiven);
  if (wanted === "public" && isPrivate) return invalid(privateGiven);
  try {
    return judge(wanted === "private" ? createPrivateKey(text) : createPublicKey(text), undefined);
  } catch {
    return invalid("is PEM that can't be read as a key");
  }
}

function judge(key: KeyObject, alg: unknown): KeyReading {
  const { modulusLength = 0, namedCurve = "" } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === "rsa" && modulusLength < minRsaBits)
    return invalid(`is RSA of ${modulusLength} bits: at least ${minRsaBits} are needed`);
  const known = algorithmsOf(key.asymmetricKeyType, namedCurve);
  if (!known) {
    const what = [key.asymmetricKeyType, namedCurve].filter(Boolean).join(" ");
    return invalid(`is of type ${what}: EC P-256, EC P-384, Ed25519 and RSA are supported`);
  }
  if (alg === undefined) return { ok: true, key: { key, algorithms: known } };
  const own = known.find((one) => one === alg);
  if (own === undefined) return invalid(`has an \`alg\` that is none of ${known.join(", ")}`);
  return { ok: true, key: { key, algorithms: [own] } };
}

function algorithmsOf(type: string | undefined, curve: string): EvidenceKey["algorithms"] | undefined {
  if (type === "rsa") return ["PS256", "PS384", "PS512", "RS256", "RS384", "RS512"];
  if (type === "ed25519") return ["EdDSA", "Ed25519"];
  if (type !== "ec") return undefined;
  const ofCurve: Record<string, EvidenceKey["algorithms"]> = { prime256v1: ["ES256"], secp384r1: ["ES384"] };
  return ofCurve[curve];
}

/** A JWK contains both parts, which may belong to different keys. */
function isWhole(key: KeyObject): boolean {
  const [data, digest] = [Buffer.from("evidence"), key.asymmetricKeyType === "ed25519" ? null : "sha256"];
  try {
    const published = createPublicKey({ key: publicPart(key), format: "jwk" });
    return verify(digest, data, published, sign(digest, data, key));
  } catch {
    return false;
  }
}

/** The public members of a key, as a JWK. */
export function publicPart(key: KeyObject): Record<string, string> {
  const { kty = "", crv, x, y, n, e } = key.export({ format: "jwk" });
  const members = Object.entries({ kty, crv, x, y, n, e });
  return Object.fromEntries(members.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

function invalid(problem: string): KeyReading {
  return { ok: false, problems: [problem] };
}
