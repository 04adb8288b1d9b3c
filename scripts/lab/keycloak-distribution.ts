import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readdir, realpath, rename, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cacheDir, isDirectory, madeOnce } from "./cache-dir.ts";
import { run } from "./keycloak-command.ts";
import { jvmEnvironment } from "./keycloak-jvm.ts";

/** The Keycloak version that the lab starts, unless another Keycloak is given. */
export const keycloakVersion = "26.7.4";

/** Baked into the installation once, so that no start has to. Options at start must not contradict them. */
const buildOptions = ["--db=dev-mem", "--cache=local"];

type Progress = (line: string) => void;

/** An installation that is ready to start, or why this machine has no way to one. */
export type Distribution = { home: string } | { missing: string };

/**
 * Finds an installation: made from KEYCLOAK_HOME (which itself is not written to), else the cached one, else one
 * from Maven.
 */
export async function findDistribution(onProgress: Progress): Promise<Distribution> {
  const java = await run("java", ["-version"], { timeoutMs: 30_000 });
  if (java.code !== 0) return { missing: "java (17 or later) is not on PATH" };
  const given = process.env.KEYCLOAK_HOME;
  if (given) return { home: await prepareGiven(given, onProgress) };
  const target = cacheDir("keycloak", `${keycloakVersion}-${buildHash()}`);
  if (await isDirectory(target)) return { home: target };
  const maven = await run("mvn", ["-v"], { timeoutMs: 60_000 });
  if (maven.code !== 0) return { missing: "mvn is not on PATH, and KEYCLOAK_HOME is not set" };
  return { home: await madeOnce(target, (directory) => prepareFromMaven(directory, onProgress)) };
}

function buildHash(...more: string[]): string {
  const content = JSON.stringify([buildOptions, ...more]);
  return createHash("sha256").update(content).digest("hex").slice(0, 8);
}

async function prepareGiven(given: string, onProgress: Progress): Promise<string> {
  if (!(await isDirectory(join(given, "bin")))) {
    throw new Error(
      "KEYCLOAK_HOME has no bin/kc.sh: set it to an unpacked Keycloak distribution, or unset it.",
    );
  }
  const source = await realpath(given);
  const { mtimeMs } = await stat(join(source, "version.txt"));
  const target = cacheDir("keycloak", `given-${buildHash(source, String(mtimeMs))}`);
  return madeOnce(target, async (directory) => {
    onProgress("Keycloak: copying KEYCLOAK_HOME (once)");
    await cp(source, directory, { recursive: true, filter: (path) => path !== join(source, "data") });
    await build(directory, onProgress);
  });
}

async function prepareFromMaven(directory: string, onProgress: Progress): Promise<void> {
  onProgress(`Keycloak ${keycloakVersion}: downloading it with Maven (once, 177 MB)`);
  const unpacked = join(directory, "unpacked");
  await mkdir(unpacked);
  const plugin = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:unpack";
  const artifact = `-Dartifact=org.keycloak:keycloak-quarkus-dist:${keycloakVersion}:zip`;
  // Without a project, the plugin leaves its markers in the working directory.
  const { code, output } = await run("mvn", ["-B", "-q", plugin, artifact, `-DoutputDirectory=${unpacked}`], {
    timeoutMs: 900_000,
    cwd: directory,
  });
  if (code !== 0)
    throw new Error(`Maven could not download Keycloak (exit ${code}):\n${output.slice(-2000)}`);
  await liftUp(join(unpacked, `keycloak-${keycloakVersion}`), directory);
  await build(directory, onProgress);
}

/** Moves an installation up into the directory, and removes what else is in there. */
async function liftUp(installation: string, directory: string): Promise<void> {
  const before = await readdir(directory);
  for (const entry of await readdir(installation)) {
    await rename(join(installation, entry), join(directory, entry));
  }
  await Promise.all(before.map((entry) => rm(join(directory, entry), { recursive: true })));
}

async function build(home: string, onProgress: Progress): Promise<void> {
  onProgress("Keycloak: building its configuration (once)");
  const temporary = await mkdtemp(join(tmpdir(), "lab-keycloak-"));
  const { code, output } = await run("sh", [join(home, "bin", "kc.sh"), "build", ...buildOptions], {
    timeoutMs: 300_000,
    env: { ...process.env, ...jvmEnvironment(temporary, true) },
  });
  await rm(temporary, { recursive: true, force: true });
  if (code !== 0) throw new Error(`kc.sh build failed (exit ${code}):\n${output.slice(-2000)}`);
}
