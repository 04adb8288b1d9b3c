import type { Lookup } from "../../keycloak/connection.ts";

/** The part of the `kubernetes:` config namespace that a connection needs. */
export interface KubernetesDefaults {
  /** Contents, or a path. Contents are secret. */
  kubeconfig?: string | undefined;
  context?: string | undefined;
}

const configured = Promise.withResolvers<KubernetesDefaults>();

/**
 * Called with the stack's config, by the program and by each dynamic provider's `configure`. The kubeconfig is a secret,
 * so it is read again on each run and is not an input of any resource.
 *
 * @param lookup the value of a key of the `kubernetes:` namespace
 */
export function configureKubernetes(lookup: Lookup): void {
  configured.resolve({
    kubeconfig: lookup("kubeconfig") || undefined,
    context: lookup("context") || undefined,
  });
}

/** What the running stack was configured with. */
export function kubernetesDefaults(): Promise<KubernetesDefaults> {
  return configured.promise;
}
