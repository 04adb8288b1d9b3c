import type { KubernetesTarget } from "./kubernetes/kubernetes-target.ts";

/** The Secret that a target's pods take their refresh token from. */
export interface TokenSecret {
  name: string;
  /** Whether it exists already and is taken over with the token that it has. Default: false, it is created. */
  adopt: boolean;
}

/** The key of the Secret, and the environment variable of the pods. */
export const tokenKey = "INTERNAL_JWKS_REFRESH_TOKEN";

export interface RefreshTokenRequest {
  /** Secret. The token that instances shall have. */
  given: string;
  /** Where the token's Secret is; none for instances that get it in another way. */
  place?: { target: KubernetesTarget; secret: TokenSecret } | undefined;
}

/** How many tokens are remembered: the present one, and those that instances may still have from roll-outs that failed. */
const remembered = 4;

/**
 * The tokens that instances may have when the stack starts to look after them, the one that they shall have first. An
 * adopted Secret keeps its token; the token of another one that is found is remembered, because pods may run with it.
 *
 * @throws {RotationError} any Kubernetes code
 */
export async function firstTokens({ given, place }: RefreshTokenRequest): Promise<string[]> {
  const found = place ? await readTokenSecret(place.target, place.secret.name) : undefined;
  if (found === undefined || found === given) return [given];
  return place?.secret.adopt ? [found] : [given, found];
}

/** The tokens that instances may have once they shall have another one. */
export function nextTokens(tokens: readonly string[], given: string): string[] {
  return [...new Set([given, ...tokens])].slice(0, remembered);
}

async function readTokenSecret(target: KubernetesTarget, name: string): Promise<string | undefined> {
  const { openCluster } = await import("./kubernetes/cluster.ts");
  const { readSecretKey } = await import("./kubernetes/secret.ts");
  return readSecretKey(await openCluster(target), { namespace: target.namespace, name, key: tokenKey });
}
