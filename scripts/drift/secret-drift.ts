import { RotationError } from "#operations/base/errors";
import type { Finding } from "#operations/drift/finding";
import { couldNotTell } from "#operations/drift/instance-drift";
import { tokenKey } from "#operations/fleet/api-refresh-token";
import type { KnownSecret } from "./known-state.ts";

/** Compares the Secrets of the API refresh token with what the last `up` has written. */
export async function secretDrift(secrets: readonly KnownSecret[], stack: string): Promise<Finding[]> {
  return (await Promise.all(secrets.map((secret) => checkSecret(secret, stack)))).flat();
}

async function checkSecret({ target, name, token }: KnownSecret, stack: string): Promise<Finding[]> {
  const where = `Secret ${target.namespace}/${name} of target ${target.name}`;
  try {
    const { openCluster } = await import("#operations/fleet/kubernetes/cluster");
    const { readSecretKey } = await import("#operations/fleet/kubernetes/secret");
    const { namespace } = target;
    const found = await readSecretKey(await openCluster(target), { namespace, name, key: tokenKey });
    if (typeof found === "object" && found.value === token) return [];
    const what =
      typeof found === "object" ? "has another token" : found === "no-key" ? `lacks ${tokenKey}` : "is gone";
    return [
      {
        code: "SECRET_ALTERED",
        severity: "critical",
        realm: "",
        what: `${where} ${what}`,
        means: "pods that start now can't be refreshed in an emergency, only restarted",
        fix: `pulumi up --refresh --stack ${stack}`,
      },
    ];
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    return [couldNotTell("", `${where}: ${error.message}`)];
  }
}
