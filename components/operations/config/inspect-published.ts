import { setTimeout as delay } from "node:timers/promises";
import { messageOf, RotationError } from "../base/errors.ts";
import { findSoundProbeClients } from "../canaries/probe-clients.ts";
import { mintToken } from "../canaries/tokens.ts";
import { type Discovery, discover, type ReadOptions, readJwks } from "../keycloak/jwks.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { listSigningKeys } from "../keys/realm-keys.ts";

export interface PublishedQuestion {
  /** Empty: the issuer's own. */
  jwksUris: readonly string[];
  algorithms: readonly string[];
  /** Of the probe clients' tokens. */
  audience: readonly string[];
}

/**
 * Reads what the phases of a run will read: discovery, every JWKS URL, and a token of each probe client. No token is minted
 * with a client that is missing or was changed, which the run repairs first, nor for an algorithm that no key signs, for which
 * Keycloak would make a key.
 *
 * @returns a sentence for each that can't be had
 */
export async function inspectPublished(
  admin: KeycloakAdmin,
  question: PublishedQuestion,
  options: ReadOptions = {},
): Promise<string[]> {
  const discovery = await tried(() => discover(admin, options));
  if (Array.isArray(discovery)) return discovery;
  const urls = question.jwksUris.length > 0 ? question.jwksUris : [discovery.jwksUri];
  const found = await Promise.all([
    ...urls.map((url) => tried(() => readJwks(admin, url, options))),
    tried(() => mintWithEach(admin, discovery, question)),
  ]);
  return found.flatMap((one) => (Array.isArray(one) ? one : []));
}

/** What the work gives, or in a list why it failed. */
async function tried<T extends object>(work: () => Promise<T>): Promise<T | string[]> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof RotationError) return [messageOf(error)];
    throw error;
  }
}

/** Why tokens can't be minted, a sentence for each client. */
async function mintWithEach(
  admin: KeycloakAdmin,
  { tokenEndpoint }: Discovery,
  { algorithms, audience }: PublishedQuestion,
): Promise<string[]> {
  const keys = await listSigningKeys(admin);
  const signed = algorithms.filter((algorithm) =>
    keys.some((key) => key.signing && key.algorithm === algorithm),
  );
  const clients = await findSoundProbeClients(admin, { algorithms: signed, audience });
  const minted = await Promise.all(
    clients.map((client) => tried(() => mintToken(admin, tokenEndpoint, client))),
  );
  return minted.flatMap((one) => (Array.isArray(one) ? one : []));
}

/** Longer than a healthy URL takes, and no longer than the targets are waited for, in milliseconds. */
const passingMs = 2_000;

/**
 * The same in an emergency, where nobody waits for it: it goes on beside other checks, and what is not known when its time is
 * up is left to the phases. Never throws.
 */
export function inspectPublishedInPassing(
  admin: KeycloakAdmin,
  question: PublishedQuestion,
): Promise<string[]> {
  const late = ["discovery, the JWKS URLs and the probe clients could not be checked within 2 s"];
  // A URL that hangs must not keep the process alive for long after everything else.
  const options = { attempts: 1, timeoutMs: passingMs };
  const inspecting = inspectPublished(admin, question, options).catch((error: unknown) => [messageOf(error)]);
  return Promise.race([inspecting, delay(passingMs, late, { ref: false })]);
}
