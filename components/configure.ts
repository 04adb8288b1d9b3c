import type * as pulumi from "@pulumi/pulumi";

/**
 * The `configure` of every dynamic provider here that talks to Keycloak. The connection comes from the stack's
 * config and environment on each run, and so is in no resource's inputs, outputs or diffs.
 */
export async function configure({ config }: pulumi.dynamic.ConfigureRequest): Promise<void> {
  const { configureConnection } = await import("#operations/connection");
  configureConnection((key) => config.get(`keycloak:${key}`));
}
