import { fetchAdminToken, type LabKeycloak } from "./keycloak-connection.ts";
import { containerLaunch, findContainerRuntime } from "./keycloak-container.ts";
import { findDistribution } from "./keycloak-distribution.ts";
import { installationLaunch, launchKeycloak } from "./keycloak-launch.ts";

export type { KeycloakConnection, LabKeycloak } from "./keycloak-connection.ts";

export interface StartKeycloakOptions {
  /** Lines of progress. Default: none. */
  readonly onProgress?: (line: string) => void;
  /** It will hold more than ten realms: it may start later, if it is faster then. Default: false. */
  readonly forManyRealms?: boolean;
}

/**
 * Provides a Keycloak on loopback; its data is deleted when it stops. It tries, in this order: the one that
 * LAB_KEYCLOAK_URL, LAB_KEYCLOAK_ADMIN_CLIENT_ID and LAB_KEYCLOAK_ADMIN_CLIENT_SECRET name (its stop() does
 * nothing); KEYCLOAK_HOME; the cached installation; one from Maven; a container.
 *
 * @throws Error that says what to install, or shows the end of the log of a Keycloak that did not start
 */
export async function startKeycloak(options: StartKeycloakOptions = {}): Promise<LabKeycloak> {
  const onProgress = options.onProgress ?? (() => {});
  const given = givenKeycloak();
  if (given) {
    await fetchAdminToken(given);
    return given;
  }
  const distribution = await findDistribution(onProgress);
  if ("home" in distribution)
    return launchKeycloak(installationLaunch(distribution.home, options.forManyRealms), onProgress);
  const runtime = await findContainerRuntime();
  if (runtime) return launchKeycloak(containerLaunch(runtime), onProgress);
  throw new Error(
    `The lab needs a Keycloak, and there is no way to get one on this machine: ${distribution.missing}; neither docker nor podman answers. ` +
      "Install a JDK (17 or later) and Maven, or set KEYCLOAK_HOME, or set LAB_KEYCLOAK_URL, " +
      "LAB_KEYCLOAK_ADMIN_CLIENT_ID and LAB_KEYCLOAK_ADMIN_CLIENT_SECRET.",
  );
}

function givenKeycloak(): LabKeycloak | undefined {
  const {
    LAB_KEYCLOAK_URL: url,
    LAB_KEYCLOAK_ADMIN_CLIENT_ID: adminClientId,
    LAB_KEYCLOAK_ADMIN_CLIENT_SECRET: adminClientSecret,
  } = process.env;
  if (!url) return undefined;
  if (!adminClientId || !adminClientSecret) {
    throw new Error(
      "LAB_KEYCLOAK_URL is set: set LAB_KEYCLOAK_ADMIN_CLIENT_ID and LAB_KEYCLOAK_ADMIN_CLIENT_SECRET too.",
    );
  }
  const connection = { url: url.replace(/\/+$/, ""), adminClientId, adminClientSecret };
  return { ...connection, startedBy: "given-url", stop: async () => {} };
}
