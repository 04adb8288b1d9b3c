import { RotationError } from "../base/errors.ts";
import type { KubernetesTarget } from "./kubernetes/kubernetes-target.ts";

/** The Secret that a target's pods take their API refresh token from. */
export interface TokenSecret {
  name: string;
  /** Whether it exists already and is taken over with the token that it has. Default: false, it is created. */
  adopt: boolean;
}

/** The key of the Secret, and the environment variable of the pods. */
export const tokenKey = "INTERNAL_JWKS_REFRESH_TOKEN";

export interface ApiRefreshTokenRequest {
  /** Secret. The token that instances shall have. */
  given: string;
  /** Where the token's Secret is; none for instances that get it in another way. */
  place?: { target: KubernetesTarget; secret: TokenSecret } | undefined;
}

/** How many tokens are remembered: the present one, and those that instances may still have from roll-outs that failed. */
const remembered = 4;

/**
 * The tokens that instances may have when the stack starts to look after them, the one that they shall have first. An
 * adopted Secret keeps its token.
 *
 * @throws {RotationError} SECRET_EXISTS for a Secret that is somebody else's; any Kubernetes code
 */
export async function firstTokens({ given, place }: ApiRefreshTokenRequest): Promise<string[]> {
  if (!place) return [given];
  const { target, secret } = place;
  const found = await readTokenSecret(target, secret.name);
  if (found === "no-secret") return [given];
  if (!secret.adopt) throw secretExists(target, secret.name);
  return [found === "no-key" ? given : found.value];
}

/** Checked here, and not left to the Secret's own resource: that one has to take a Secret that a killed run has made. */
function secretExists({ name, namespace }: KubernetesTarget, secret: string): RotationError {
  return new RotationError(
    "SECRET_EXISTS",
    `target ${name}: Secret ${secret} is there already in namespace ${namespace}, and is not this stack's`,
    { nextStep: "set secret.adopt: true to take it over with the token that it has, or give another name" },
  );
}

/** The tokens that instances may have once they shall have another one. */
export function nextTokens(tokens: readonly string[], given: string): string[] {
  return [...new Set([given, ...tokens])].slice(0, remembered);
}

async function readTokenSecret(target: KubernetesTarget, name: string) {
  const { openCluster } = await import("./kubernetes/cluster.ts");
  const { readSecretKey } = await import("./kubernetes/secret.ts");
  return readSecretKey(await openCluster(target), { namespace: target.namespace, name, key: tokenKey });
}
