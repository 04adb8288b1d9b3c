import { z } from "zod";

const shape = z.looseObject({ signingKey: z.string().optional() });

/** Set by the provider's `configure`, so that the key is in no resource and no state. */
const configured: { signingKey?: string } = {};

/** @param text the stack config's `evidence` as JSON; may be empty or missing */
export function configureSignature(text: string | undefined): void {
  const { signingKey } = (text ? shape.safeParse(parseJson(text)).data : undefined) ?? {};
  // The settings have reported an invalid one before anything was changed.
  if (signingKey) configured.signingKey = signingKey;
}

/** The text of a bundle's `evidence.jws`; undefined where the stack has no key to sign with. */
export async function signatureOf(sums: string): Promise<string | undefined> {
  if (configured.signingKey === undefined) return undefined;
  const { signManifest } = await import("./sign-evidence.ts");
  return `${await signManifest(sums, configured.signingKey)}\n`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
