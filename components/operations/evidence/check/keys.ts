import { z } from "zod";
import type { Evidence } from "../evidence-schema.ts";

type RealmKey = Evidence["keysAfter"][number];

const keySet = z.object({ keys: z.array(z.object({ kid: z.string() })) });

/**
 * Whether everything that was read after the cut-over is without the retired keys and has the signing ones. A problem
 * has no full stop.
 */
export function checkKeys(evidence: Evidence, jwksAfter: unknown): string[] {
  const { data: published } = keySet.safeParse(jwksAfter);
  if (!published) return ["jwks-after.json is not a key set"];
  const kids = published.keys.map(({ kid }) => kid);
  return [
    ...evidence.retired.flatMap(({ kid }) =>
      trusting(kid, evidence, kids).map((where) => `retired kid ${kid} ${where}`),
    ),
    ...evidence.signers.flatMap(({ kid }) => missingSigner(kid, evidence, kids)),
    ...evidence.passive.flatMap(({ kid }) =>
      isTrusted(after(kid, evidence)) ? [] : [`passive kid ${kid} is not trusted after the cut-over`],
    ),
    ...unaccounted(evidence),
    ...(evidence.keysAfter.length > 0 && evidence.signers.length === 0
      ? ["no key signs after the cut-over"]
      : []),
  ];
}

/** Where a retired key is still trusted. */
function trusting(kid: string, { keysAfter, jwksReadBack }: Evidence, published: string[]): string[] {
  const key = keysAfter.find((one) => one.kid === kid);
  const at = jwksReadBack.filter(({ kids }) => kids.includes(kid)).map(({ url }) => url);
  return [
    ...(isTrusted(key) ? [`is ${key?.status} after the cut-over`] : []),
    ...(published.includes(kid) ? ["is in jwks-after.json"] : []),
    ...at.map((url) => `was still published at ${url}`),
  ];
}

function missingSigner(kid: string, evidence: Evidence, published: readonly string[]): string[] {
  const key = after(kid, evidence);
  return [
    ...(key?.status === "ACTIVE" && key.signing
      ? []
      : [`kid ${kid} is listed as signing, but does not sign after the cut-over`]),
    ...(published.includes(kid) ? [] : [`kid ${kid} is listed as signing, but is not in jwks-after.json`]),
  ];
}

/** Every key that is no longer trusted must be listed as retired: one that is not listed need not be rejected. */
function unaccounted({ keysBefore, keysAfter, retired, canaries }: Evidence): string[] {
  if (keysAfter.length === 0) return [];
  const before = [...keysBefore.filter(isTrusted), ...canaries].map(({ kid }) => kid);
  const known = new Set([...keysAfter.filter(isTrusted), ...retired].map(({ kid }) => kid));
  return [...new Set(before)]
    .filter((kid) => !known.has(kid))
    .map((kid) => `kid ${kid} was trusted before and is not any more, but is not listed as retired`);
}

function after(kid: string, { keysAfter }: Evidence): RealmKey | undefined {
  return keysAfter.find((one) => one.kid === kid);
}

function isTrusted(key: RealmKey | undefined): boolean {
  return key?.status === "ACTIVE" || key?.status === "PASSIVE";
}
