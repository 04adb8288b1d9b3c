import { RotationError } from "#operations/base/errors";
import { firstTokens } from "#operations/fleet/api-refresh-token";
import type { Target } from "#operations/fleet/targets";
import { knownApiRefreshTokens } from "../drift/known-state.ts";
import type { StackContents } from "../stack-reader.ts";

/** Where the token may be, beside the state. */
export interface TokenSources {
  /** Secret. `apiRefreshToken` of the config. */
  configured: string | undefined;
  targets: readonly Target[];
  env: NodeJS.ProcessEnv;
}

/**
 * Secret. Every API refresh token that an instance may have: as an `up` would have them, and that of the environment. The
 * Secrets that the stack is to adopt are read only where there is no other.
 */
export async function apiRefreshTokens(
  contents: StackContents,
  { configured, targets, env }: TokenSources,
): Promise<string[]> {
  const all = [configured, ...knownApiRefreshTokens(contents), env.INTERNAL_JWKS_REFRESH_TOKEN];
  const known = [...new Set(all.flatMap((token) => token || []))];
  if (known.length > 0) return known;
  const adopted = await Promise.all(targets.map(adoptedTokens));
  return [...new Set(adopted.flat())];
}

/** A Secret that can't be read is found missing by the check of the rights. */
async function adoptedTokens(target: Target): Promise<string[]> {
  if (target.kind !== "kubernetes" || !target.secret?.adopt) return [];
  try {
    const found = await firstTokens({ given: "", place: { target, secret: target.secret } });
    return found.filter((token) => token !== "");
  } catch (error) {
    if (error instanceof RotationError) return [];
    throw error;
  }
}
