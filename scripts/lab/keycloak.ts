import { fetchAdminToken, type LabKeycloak } from "./keycloak-connection.ts";
import { containerLaunch, findContainerRuntime } from "./keycloak-container.ts";
import { findDistribution } from "./keycloak-distribution.ts";
import { installationLaunch, launchKeycloak } from "./keycloak-launch.ts";

export type { KeycloakConnection, LabKeycloak } from "./keycloak-connection.ts";

export interface StartKeycloakOptions {
  /** Lines of progress. Default: none. */
  readonly onProgress?: (line: string) => void;
}

/**
 * Gives a Keycloak on loopback, with data of its own that goes when it stops. In this order: the one that
 * LAB_KEYCLOAK_URL, LAB_KEYCLOAK_ADMIN_CLIENT_ID and LAB_KEYCLOAK_ADMIN_CLIENT_SECRET name (its stop() does
 * nothing); KEYCLOAK_HOME; the cached installation; one from Maven; a container.
 *
 * @throws Error that says what to install where there is no way to one, or that shows the end of its log
 */
export async function startKeycloak(options: StartKeycloakOptions = {}): Promise<LabKeycloak> {
  const onProgress = options.onProgress ?? (() => {});
  const given = givenKeycloak();
  if (given) {
    await fetchAdminToken(given);
    return given;
  }
  const distribution = await findDistribution(onProgress);
  if ("home" in distribution) return launchKeycloak(installationLaunch(distribution.home), onProgress);
  const runtime = await findContainerRuntime();
  if (runtime) return launchKeycloak(containerLaunch(runtime), onProgress);
  throw new Error(
    `The lab needs a Keycloak, and this machine has no way to one: ${distribution.missing}; no docker or podman answers. ` +
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
