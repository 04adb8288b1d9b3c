import type * as pulumi from "@pulumi/pulumi";

/**
 * The `configure` of every dynamic provider here. The connections to Keycloak and to clusters come from the stack's
 * config and environment on each run, and so are in no resource's inputs, outputs or diffs.
 */
export async function configure({ config }: pulumi.dynamic.ConfigureRequest): Promise<void> {
  const { configureConnection } = await import("#operations/connection");
  const { configureKubernetes } = await import("#operations/kubernetes/kubernetes-defaults");
  configureConnection((key) => config.get(`keycloak:${key}`));
  configureKubernetes((key) => config.get(`kubernetes:${key}`));
}
