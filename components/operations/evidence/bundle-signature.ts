import { z } from "zod";

const shape = z.looseObject({ signingKey: z.string().optional() });

/** The provider's `configure` sets it, so that the key is in no resource and no state. */
const configured: { signingKey?: string } = {};

/** @param text the stack config's `evidence` as JSON; empty or none where there is none */
export function configureSignature(text: string | undefined): void {
  const { signingKey } = (text ? shape.safeParse(parseJson(text)).data : undefined) ?? {};
  // What is wrong with it has been told by the settings, before anything was touched.
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
