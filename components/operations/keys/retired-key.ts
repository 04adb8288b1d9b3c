import { isTrusted, type RealmKey } from "./realm-keys.ts";

export interface RetiredKey {
  kid: string;
  algorithm: string;
  componentName: string;
  /** Disabled in Keycloak at this time, ISO 8601 UTC. */
  disabledAt: string;
  /** False where an interrupted run disabled it: `disabledAt` is then the earliest possible time. */
  disabledAtIsExact: boolean;
}

/** A key that no longer signs and is still trusted. */
export interface PassiveKey {
  kid: string;
  algorithm: string;
  componentName: string;
}

/** What was known of the realm's signing keys before the rotation. */
export interface KnownBefore {
  keysBefore: RealmKey[];
  /** ISO 8601 UTC. */
  keysBeforeAt: string;
  /** Until when the canary tokens of the retiring keys can prove something. */
  canaries: readonly { kid: string; seen: { expiresAt: string }; unseen: { expiresAt: string } }[];
  /** When a key that does not sign was last made the signer to mint its canary tokens, ISO 8601 UTC. */
  borrowedAt?: string;
}

/** What shows which keys a cut-over has retired, and when. */
interface RetirementRecord {
  before: Pick<KnownBefore, "keysBefore" | "keysBeforeAt">;
  /** What an earlier attempt of the same cut-over retired. */
  earlier: readonly RetiredKey[];
  keysAfter: readonly RealmKey[];
  /** By kid, when this cut-over disabled a key, ISO 8601 UTC. */
  disabledAt: ReadonlyMap<string, string>;
}

/** The keys that were trusted before the cut-over, or appeared during it, and no longer are. Pure. */
export function retiredKeys({ before, earlier, keysAfter, disabledAt }: RetirementRecord): RetiredKey[] {
  const stillTrusted = new Set(keysAfter.filter(isTrusted).map(({ kid }) => kid));
  const trustedBefore = before.keysBefore.filter(isTrusted);
  const appeared = keysAfter.filter(({ kid }) => disabledAt.has(kid));
  const candidates = new Map([...earlier, ...appeared, ...trustedBefore].map((key) => [key.kid, key]));
  return [...candidates.values()]
    .filter(({ kid }) => !stillTrusted.has(kid))
    .map(({ kid, algorithm, componentName }) => {
      const known = earlier.find((key) => key.kid === kid && key.disabledAtIsExact)?.disabledAt;
      // One that somebody has enabled again since is disabled anew.
      const exact = disabledAt.get(kid) ?? known;
      return {
        kid,
        algorithm,
        componentName,
        disabledAt: exact ?? before.keysBeforeAt,
        disabledAtIsExact: exact !== undefined,
      };
    });
}
