import type * as pulumi from "@pulumi/pulumi";

/**
 * The `configure` of every dynamic provider here. The connections to Keycloak, to clusters and to the webhook,
 * and the key that signs the evidence, come from the stack's config and environment on each run, and so are in no
 * resource's inputs, outputs or diffs.
 */
export async function configure({ config }: pulumi.dynamic.ConfigureRequest): Promise<void> {
  const { configureConnection } = await import("#operations/connection");
  const { configureKubernetes } = await import("#operations/kubernetes/kubernetes-defaults");
  const { configureSignature } = await import("#operations/bundle-signature");
  const { configureNotify } = await import("#operations/notify/run-notices");
  // First of all: whoever has waited for the connection finds the rest as it is to be.
  configureNotify(config.get("notify"));
  configureSignature(config.get("evidence"));
  configureKubernetes((key) => config.get(`kubernetes:${key}`));
  configureConnection((key) => config.get(`keycloak:${key}`));
}
