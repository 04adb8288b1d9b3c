import type { Lookup } from "../../keycloak/connection.ts";

/** The `kubernetes:` config namespace, as far as a connection goes. */
export interface KubernetesDefaults {
  /** Contents, or a path. Secret where it is contents. */
  kubeconfig?: string | undefined;
  context?: string | undefined;
}

const configured = Promise.withResolvers<KubernetesDefaults>();

/**
 * Called with the stack's config, from the program and from each dynamic provider's `configure`. The kubeconfig is a
 * secret, so it is read anew on each run and is in no resource's inputs.
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
