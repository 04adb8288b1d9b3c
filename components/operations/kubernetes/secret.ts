import { type Cluster, callCluster } from "./cluster.ts";
import { statusOf } from "./cluster-errors.ts";

/**
 * Reads one key of a Secret; undefined where there is no such Secret or key.
 *
 * @throws {RotationError} any Kubernetes code
 */
export async function readSecretKey(
  cluster: Cluster,
  { namespace, name, key }: { namespace: string; name: string; key: string },
): Promise<string | undefined> {
  const action = { verb: "get", resource: "secrets", namespace, name } as const;
  const secret = await callCluster(cluster, action, async () => {
    try {
      return await cluster.core.readNamespacedSecret({ name, namespace });
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
  });
  const value = secret?.data?.[key];
  return value === undefined ? undefined : Buffer.from(value, "base64").toString();
}
