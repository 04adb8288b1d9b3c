import { RotationError } from "../base/errors.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import type { KeyMarks } from "../keys/key-marks.ts";
import { type RealmKey, updateKeyComponent } from "../keys/realm-keys.ts";
import { isUntried } from "../keys/signers.ts";
import type { Canary, CanaryReference, MintedToken } from "./canary.ts";
import { mintLongLivedToken, type ProbeClient } from "./tokens.ts";

export function withoutTokens({ kid, algorithm, seen, unseen }: Canary): CanaryReference {
  const reference = ({ jti, expiresAt }: MintedToken) => ({ jti, expiresAt });
  return { kid, algorithm, seen: reference(seen), unseen: reference(unseen) };
}

/** A kept canary token must stay valid for a whole run, restarts included. */
const keptMarginMs = 1_800_000;

export function livesOn({ seen, unseen }: Pick<CanaryReference, "seen" | "unseen">): boolean {
  const soon = new Date(Date.now() + keptMarginMs).toISOString();
  return seen.expiresAt > soon && unseen.expiresAt > soon;
}

/** Where canary tokens are minted. */
interface Minter {
  admin: KeycloakAdmin;
  tokenEndpoint: string;
  /** One client for each algorithm. */
  probeClients: readonly ProbeClient[];
  /** When minting ends at the latest, by `Date.now()`. Default: it takes as long as it takes. */
  deadlineAt?: number | undefined;
}

/**
 * Mints two canary tokens with a key.
 *
 * @param keys all signing keys of the realm
 * @throws {RotationError} ALGORITHM_NOT_COVERED, TOKEN_NOT_MINTED, or any Keycloak code
 */
export async function mintPair(minter: Minter, key: RealmKey, keys: readonly RealmKey[]): Promise<Canary> {
  const client = minter.probeClients.find(({ algorithm }) => algorithm === key.algorithm);
  if (minter.probeClients.length === 0) throw noProbeClients(key);
  if (!client) throw notCovered(key);
  // What is borrowed has to be given back, so it is not begun late.
  if (Date.now() >= (minter.deadlineAt ?? Number.POSITIVE_INFINITY)) throw noTimeLeft(key);
  const mintBoth = () => Promise.all([mintWith(minter, client, key), mintWith(minter, client, key)]);
  const minted = key.signing ? mintBoth() : borrowSigner(minter.admin, key, keys, mintBoth);
  const [seen, unseen] = await minted;
  return { kid: key.kid, algorithm: key.algorithm, seen, unseen };
}

async function mintWith(
  { admin, tokenEndpoint, deadlineAt }: Minter,
  client: ProbeClient,
  { kid }: RealmKey,
): Promise<MintedToken> {
  const token = await mintLongLivedToken(admin, tokenEndpoint, client, { deadlineAt });
  if (token.kid === kid) return token;
  throw new RotationError(
    "TOKEN_NOT_MINTED",
    `asked for a token signed with key ${kid}, but Keycloak signed it with ${token.kid}`,
    { nextStep: "find out who else is changing the realm's keys, then run the same up again" },
  );
}

/**
 * Makes a trusted key that is not its algorithm's signer the signer for as long as it takes to mint with it.
 * Only the signer can mint, and a retired key without canary tokens could never be proven dead. Its tokens are accepted
 * before, during and after, and the cut-over that follows ends it in any case.
 *
 * Others may make it the signer meanwhile, for good: so it is put back only as long as it still is as it was borrowed.
 */
async function borrowSigner<T>(
  admin: KeycloakAdmin,
  key: RealmKey,
  keys: readonly RealmKey[],
  work: () => Promise<T>,
): Promise<T> {
  const { componentId } = key;
  const priority = Math.max(...keys.map((other) => other.priority)) + 1;
  const borrowed = new Date().toISOString();
  await updateKeyComponent(admin, componentId, { active: true, priority, marks: { borrowed } });
  try {
    return await work();
  } finally {
    const isAsBorrowed = (now: KeyMarks) => now.borrowed === borrowed;
    // A key that has never signed may be about to, for somebody else: active and below all others it changes nothing.
    const active = key.status === "ACTIVE" || isUntried(key);
    const before = { active, priority: key.priority, marks: { borrowed: null } };
    await updateKeyComponent(admin, componentId, before, isAsBorrowed);
  }
}

function noProbeClients({ kid }: RealmKey): RotationError {
  return new RotationError("TOKEN_NOT_MINTED", `there is no probe client to mint with key ${kid}`, {
    nextStep: "find out why the probe clients could not be made",
  });
}

function noTimeLeft({ kid }: RealmKey): RotationError {
  return new RotationError("TOKEN_NOT_MINTED", `there was no time left to mint with key ${kid}`, {
    nextStep: "find out what took so long; emergency.budgetSeconds gives it more time",
  });
}

function notCovered({ kid, algorithm, componentName }: RealmKey): RotationError {
  return new RotationError(
    "ALGORITHM_NOT_COVERED",
    `key ${kid} (${componentName}) signs ${algorithm}, which is not in algorithms, so its death could not be proven`,
    { nextStep: `add ${algorithm} to algorithms, or ${componentName} to exemptKeys if it must stay trusted` },
  );
}
