import { cacheDir, isDirectory, madeOnce } from "../cache-dir.ts";
import { buildPrograms } from "./build-programs.ts";
import { hasGo } from "./go-command.ts";
import { buildName } from "./versions.ts";

/** The programs (`bin/`), and KWOK's stages and resource definitions, or why this machine has no way to them. */
export type Distribution = { home: string } | { missing: string };

/** Where the built control plane is, or will be. */
export function distributionHome(): string {
  return cacheDir("kubernetes", buildName());
}

/** Finds the control plane in the cache, else builds it there: minutes, the first time. */
export async function findDistribution(onProgress: (line: string) => void): Promise<Distribution> {
  const home = distributionHome();
  if (await isDirectory(home)) return { home };
  if (!(await hasGo())) return { missing: "go is not on PATH" };
  return { home: await builtOnce(home, onProgress) };
}

async function builtOnce(home: string, onProgress: (line: string) => void): Promise<string> {
  for (;;) {
    try {
      return await madeOnce(home, (directory) => buildPrograms(directory, onProgress));
    } catch (error) {
      // On a busy machine another builder may hold the lock for longer than one wait for it.
      if ((error as NodeJS.ErrnoException).code !== "ELOCKED") throw error;
      onProgress("Kubernetes: waiting for another process that is building it");
    }
  }
}
