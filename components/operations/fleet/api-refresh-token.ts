import { RotationError } from "../base/errors.ts";
import type { KubernetesTarget, TokenSecret } from "./kubernetes/kubernetes-target.ts";

export type { TokenSecret } from "./kubernetes/kubernetes-target.ts";

/** The key of the Secret, and the environment variable of the pods. */
export const tokenKey = "INTERNAL_JWKS_REFRESH_TOKEN";

export interface ApiRefreshTokenRequest {
  /** Secret. The token that instances should have. */
  given: string;
  /** Where the token's Secret is; absent for instances that get the token in another way. */
  place?: { target: KubernetesTarget; secret: TokenSecret } | undefined;
}

/** How many tokens are remembered: the current one, and those that instances may still have from failed roll-outs. */
const remembered = 4;

/**
 * The tokens that instances may have when the stack starts to manage them, the one that they should have first. An
 * adopted Secret keeps its token.
 *
 * @throws {RotationError} SECRET_EXISTS for a Secret that belongs to someone else; any Kubernetes code
 */
export async function firstTokens({ given, place }: ApiRefreshTokenRequest): Promise<string[]> {
  if (!place) return [given];
  const { target, secret } = place;
  const found = await readTokenSecret(target, secret.name);
  if (found === "no-secret") return [given];
  if (!secret.adopt) throw secretExists(target, secret.name);
  return [found === "no-key" ? given : found.value];
}

/** Checked here, and not by the Secret's own resource: that one must accept a Secret that a killed run has created. */
function secretExists({ name, namespace }: KubernetesTarget, secret: string): RotationError {
  return new RotationError(
    "SECRET_EXISTS",
    `target ${name}: Secret ${secret} exists already in namespace ${namespace}, and this stack did not create it`,
    { nextStep: "set secret.adopt: true to take it over with the token that it has, or choose another name" },
  );
}

/** The tokens that instances may have once they should have another one. */
export function nextTokens(tokens: readonly string[], given: string): string[] {
  return [...new Set([given, ...tokens])].slice(0, remembered);
}

async function readTokenSecret(target: KubernetesTarget, name: string) {
  const [{ openCluster }, { readSecretKey }] = await Promise.all([
    import("./kubernetes/cluster.ts"),
    import("./kubernetes/secret.ts"),
  ]);
  return readSecretKey(await openCluster(target), { namespace: target.namespace, name, key: tokenKey });
}
