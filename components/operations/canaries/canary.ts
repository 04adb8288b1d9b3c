/**
 * Canary tokens: real tokens signed by a key that is about to retire, one that every instance sees before the cut-over and
 * one that none does.
 */
export interface Canary {
  kid: string;
  algorithm: string;
  seen: MintedToken;
  unseen: MintedToken;
}

/** The public part of a canary. */
export interface CanaryReference {
  kid: string;
  algorithm: string;
  seen: { jti: string; expiresAt: string };
  unseen: { jti: string; expiresAt: string };
}

/** A token and its public part: everything but the token itself. */
export interface MintedToken {
  token: string;
  kid: string;
  algorithm: string;
  jti: string;
  /** ISO 8601 UTC. */
  expiresAt: string;
}

/** Canary tokens as the state keeps them: what may be public, and separately, as a secret, the tokens. */
export interface KeptCanaries {
  canaries: CanaryReference[];
  /** Secret: the canary tokens by their `jti`. */
  canaryTokens: Record<string, string>;
}
