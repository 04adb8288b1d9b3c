import { watchEngine } from "../base/engine-watch.ts";
import { configureSignature } from "../evidence/bundle-signature.ts";
import { configureKubernetes } from "../fleet/kubernetes/kubernetes-defaults.ts";
import { configureConnection } from "../keycloak/connection.ts";
import { configureNotify } from "../notify/run-notices.ts";

/**
 * Takes the connections to Keycloak, to clusters and to the webhook, and the key that signs the evidence, from the
 * stack's config and environment.
 *
 * @param lookup the value of a config key, the project's own or `NAMESPACE:KEY`
 */
export function configureRun(lookup: (key: string) => string | undefined): void {
  watchEngine();
  // The connection comes last: whoever has waited for it finds the rest in place.
  configureNotify(lookup("notify"));
  configureSignature(lookup("evidence"));
  configureKubernetes((key) => lookup(`kubernetes:${key}`));
  configureConnection((key) => lookup(`keycloak:${key}`));
}
