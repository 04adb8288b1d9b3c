import { cacheDir } from "../scripts/lab/cache-dir.ts";
import { type LabKeycloak, startKeycloak } from "../scripts/lab/keycloak.ts";

// For `node --test --test-global-setup`: starts one Keycloak for all test files, which find it by the environment.
let keycloak: LabKeycloak | undefined;

export async function globalSetup(): Promise<void> {
  // Else hundreds of processes would compile the same modules again.
  process.env.NODE_COMPILE_CACHE ??= cacheDir("compile");
  const given = process.env.LAB_KEYCLOAK_URL;
  keycloak = await startKeycloak({ onProgress: (line) => console.error(line), forManyRealms: true });
  if (given) return;
  process.env.LAB_KEYCLOAK_URL = keycloak.url;
  process.env.LAB_KEYCLOAK_ADMIN_CLIENT_ID = keycloak.adminClientId;
  process.env.LAB_KEYCLOAK_ADMIN_CLIENT_SECRET = keycloak.adminClientSecret;
}

export async function globalTeardown(): Promise<void> {
  await keycloak?.stop();
}
