import type { Canary, CanaryReference, KeptCanaries } from "./canary.ts";

/** Some canaries with their own tokens, and no others. */
export function keepOf(canaries: CanaryReference[], tokens: Readonly<Record<string, string>>): KeptCanaries {
  const ids = canaries.flatMap(({ seen, unseen }) => [seen.jti, unseen.jti]);
  const own = Object.entries(tokens).filter(([jti]) => ids.includes(jti));
  return { canaries, canaryTokens: Object.fromEntries(own) };
}

/** The canaries that have both of their tokens. */
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
