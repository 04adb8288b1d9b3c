import { compactVerify, decodeProtectedHeader } from "jose";
import { type EvidenceKey, readVerificationKey } from "../evidence-key.ts";
import { evidenceType, thumbprintOf } from "../sign-evidence.ts";
import { BundleUnreadableError } from "./files.ts";
import { error, type Finding, warning } from "./finding.ts";

/** @throws {BundleUnreadableError} where nothing can be checked with the key */
export function verificationKey(text: string): EvidenceKey {
  const reading = readVerificationKey(text);
  if (reading.ok) return reading.key;
  throw new BundleUnreadableError(`The key to check with ${reading.problems.join("; ")}.`);
}

/** Whether `evidence.jws` signs this bundle's SHA256SUMS with the given key. */
export async function checkSignature(
  texts: ReadonlyMap<string, string>,
  key: EvidenceKey | undefined,
): Promise<Finding[]> {
  const text = texts.get("evidence.jws");
  if (text === undefined) return [key ? error(unsignedAgainstKey) : warning(unsigned)];
  // Stryker disable next-line MethodExpression: jose ignores the line break, which is a matter of luck.
  const jws = text.slice(0, -1);
  const kid = kidOf(jws);
  if (kid === undefined) return [error("evidence.jws is not the signature of an evidence bundle.")];
  const problems = payloadProblems(text, texts.get("SHA256SUMS"));
  if (!key) return [...problems, warning(notChecked(kid))];
  const own = await thumbprintOf(key.key);
  if (own !== kid) return [...problems, error(`evidence.jws says kid ${kid}, but the given key is ${own}.`)];
  if (!(await isSignedBy(jws, key)))
    return [...problems, error(`The signature was not made with key ${kid}: evidence.jws was changed.`)];
  return problems.length > 0 ? problems : [{ level: "ok", what: `SHA256SUMS is signed by key ${kid}.` }];
}

const unsigned =
  "The bundle has no evidence.jws: it is not signed, so anybody who can write to it may have replaced all of it.";
const unsignedAgainstKey =
  "The bundle has no evidence.jws, but a key was given: it was never signed, or the signature was taken away.";

function notChecked(kid: string): string {
  return `The signature was not checked, because no key was given. It names key ${kid}: get that key from the stack output evidenceKey, not from where the bundle is stored.`;
}

function kidOf(jws: string): string | undefined {
  try {
    const { typ, kid } = decodeProtectedHeader(jws);
    return typ === evidenceType && typeof kid === "string" && isThumbprint(kid) ? kid : undefined;
  } catch {
    return undefined;
  }
}

/** Only a kid of this form is printed, since anybody may have written it. */
function isThumbprint(kid: string): boolean {
  return /^[\w-]{43}$/.test(kid);
}

function payloadProblems(text: string, sums: string | undefined): Finding[] {
  const parts = text.slice(0, -1).split(".");
  // The last character of a base64url text can have bits that readers ignore.
  const isCanonical = parts.every((part) => Buffer.from(part, "base64url").toString("base64url") === part);
  if (parts.length !== 3 || !isCanonical || !text.endsWith("\n"))
    return [error("evidence.jws was changed: it is not encoded as it was written.")];
  const signed = Buffer.from(parts[1] ?? "", "base64url").toString("utf8");
  if (sums === undefined || signed === sums) return [];
  return [error("SHA256SUMS is not what evidence.jws signs: it was changed, or comes from another bundle.")];
}

async function isSignedBy(jws: string, { key, algorithms }: EvidenceKey): Promise<boolean> {
  try {
    await compactVerify(jws, key, { algorithms: [...algorithms] });
    return true;
  } catch {
    return false;
  }
}
