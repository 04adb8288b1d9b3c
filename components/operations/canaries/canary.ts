/** Real tokens signed by a key that is about to retire: one that every instance sees before the cut-over, one that none does. */
export interface Canary {
  kid: string;
  algorithm: string;
  seen: MintedToken;
  unseen: MintedToken;
}

/** What may be said of a canary in public. */
export interface CanaryReference {
  kid: string;
  algorithm: string;
  seen: { jti: string; expiresAt: string };
  unseen: { jti: string; expiresAt: string };
}

/** A token and what may be said of it in public: everything but the token itself. */
export interface MintedToken {
  token: string;
  kid: string;
  algorithm: string;
  jti: string;
  /** ISO 8601 UTC. */
  expiresAt: string;
}

/** Canaries as the state keeps them: what may be said of them, and apart from it, as a secret, their tokens. */
export interface KeptCanaries {
  canaries: CanaryReference[];
  /** Secret: the canaries' tokens by their `jti`. */
  canaryTokens: Record<string, string>;
}
