import { mkdir, mkdtemp, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { lock } from "proper-lockfile";

/** The lab's cache: `jwks-break-glass` under XDG_CACHE_HOME, or under `~/.cache`. */
export function cacheDir(...parts: string[]): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "jwks-break-glass", ...parts);
}

export async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/**
 * Makes a directory of the cache once, also when several processes need it at the same time.
 *
 * The directory gets its name only when it is complete, so that a killed process leaves no incomplete one. Other
 * processes wait for it, ten minutes at most.
 *
 * @param target the directory, inside the cache
 * @param make fills the empty directory that it is given
 * @returns the target, complete
 */
export async function madeOnce(target: string, make: (directory: string) => Promise<void>): Promise<string> {
  if (await isDirectory(target)) return target;
  await mkdir(dirname(target), { recursive: true });
  const release = await lock(target, {
    realpath: false,
    stale: 15_000,
    update: 5_000,
    retries: { retries: 6_000, factor: 1, minTimeout: 100, maxTimeout: 100 },
  });
  try {
    if (!(await isDirectory(target))) await makeAside(target, make);
  } finally {
    await release();
  }
  return target;
}

async function makeAside(target: string, make: (directory: string) => Promise<void>): Promise<void> {
  const aside = await mkdtemp(join(dirname(target), `.${basename(target)}-`));
  try {
    await make(aside);
    await rename(aside, target);
  } catch (error) {
    await rm(aside, { recursive: true, force: true });
    throw error;
  }
}
