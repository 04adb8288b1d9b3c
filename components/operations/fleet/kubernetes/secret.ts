import { callCluster } from "./call-cluster.ts";
import type { Cluster } from "./cluster.ts";
import { statusOf } from "./cluster-errors.ts";

/**
 * Reads one key of a Secret; `no-secret` if there is none, `no-key` if it lacks the key.
 *
 * @throws {RotationError} any Kubernetes code
 */
export async function readSecretKey(
  cluster: Cluster,
  { namespace, name, key }: { namespace: string; name: string; key: string },
): Promise<{ value: string } | "no-secret" | "no-key"> {
  const action = { verb: "get", resource: "secrets", namespace, name } as const;
  const secret = await callCluster(cluster, action, async () => {
    try {
      return await cluster.core.readNamespacedSecret({ name, namespace });
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
  });
  if (!secret) return "no-secret";
  const value = secret.data?.[key];
  return value === undefined ? "no-key" : { value: Buffer.from(value, "base64").toString() };
}
