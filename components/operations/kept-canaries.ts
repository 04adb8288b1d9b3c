import type { Canary, CanaryReference } from "./mint-canaries.ts";

/** Canaries as the state keeps them: what may be said of them, and apart from it, as a secret, their tokens. */
export interface KeptCanaries {
  canaries: CanaryReference[];
  /** Secret: the canaries' tokens by their `jti`. */
  canaryTokens: Record<string, string>;
}

/** The canaries of which both tokens are there. */
export function withTokens({ canaries, canaryTokens }: KeptCanaries): Canary[] {
  return canaries.flatMap(({ kid, algorithm, seen, unseen }) => {
    const [seenToken, unseenToken] = [canaryTokens[seen.jti], canaryTokens[unseen.jti]];
    if (seenToken === undefined || unseenToken === undefined) return [];
    const whole = (token: string, reference: CanaryReference["seen"]) => ({
      token,
      kid,
      algorithm,
      ...reference,
    });
    return [{ kid, algorithm, seen: whole(seenToken, seen), unseen: whole(unseenToken, unseen) }];
  });
}
