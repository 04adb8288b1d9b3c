import type * as pulumi from "@pulumi/pulumi";

/**
 * The `configure` of every dynamic provider here. The connections to Keycloak, to clusters and to the webhook,
 * and the key that signs the evidence, come from the stack's config and environment on each run, and so are in no
 * resource's inputs, outputs or diffs.
 */
export async function configure({ config }: pulumi.dynamic.ConfigureRequest): Promise<void> {
  const { configureRun } = await import("#phases/configure");
  configureRun((key) => config.get(key));
}
