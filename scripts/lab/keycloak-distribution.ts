import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { cacheDir } from "./cache-dir.ts";

const run = promisify(execFile);

/** The Keycloak that the lab runs. */
export const keycloakVersion = "26.7.4";
const unpack = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:unpack";

/**
 * A Keycloak installation: KEYCLOAK_HOME, else the cached distribution, else Maven fetches it into the cache.
 * @throws when there is neither Keycloak nor Maven nor Java, with what to install
 */
export async function keycloakHome(progress: (line: string) => void): Promise<string> {
  await needJava();
  const given = process.env.KEYCLOAK_HOME;
  if (given) {
    if (existsSync(join(given, "bin/kc.sh"))) return given;
    throw new Error("KEYCLOAK_HOME has no bin/kc.sh: set it to an unpacked Keycloak distribution, or unset it");
  }
  const home = join(cacheDir(), `keycloak-${keycloakVersion}`);
  if (!existsSync(home)) await fetchInto(home, progress);
  return home;
}

async function needJava(): Promise<void> {
  try {
    await run("java", ["-version"]);
  } catch {
    throw new Error(
      "Keycloak needs Java: install a JDK 17 or later, or set LAB_KEYCLOAK_URL, LAB_KEYCLOAK_ADMIN_CLIENT_ID and LAB_KEYCLOAK_ADMIN_CLIENT_SECRET to a running Keycloak",
    );
  }
}

/** Unpacks beside the target and renames, so that an interrupted or a second fetch leaves nothing half-done. */
async function fetchInto(home: string, progress: (line: string) => void): Promise<void> {
  progress(`fetching Keycloak ${keycloakVersion} with Maven (once, 180 MB)`);
  await mkdir(cacheDir(), { recursive: true });
  const staging = await mkdtemp(join(cacheDir(), ".keycloak-"));
  try {
    const artifact = `org.keycloak:keycloak-quarkus-dist:${keycloakVersion}:zip`;
    await run("mvn", ["-q", "-B", unpack, `-Dartifact=${artifact}`, `-DoutputDirectory=${staging}`], {
      maxBuffer: 64 * 1024 * 1024,
    });
    await rename(join(staging, `keycloak-${keycloakVersion}`), home).catch((error: unknown) => {
      if (!existsSync(home)) throw error;
    });
  } catch (error) {
    throw new Error(
      "Keycloak could not be fetched: install Maven (mvn) and check that it reaches its repository, or set KEYCLOAK_HOME to an unpacked Keycloak",
      { cause: error },
    );
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}
