import { lstat, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../../base/errors.ts";
import { error, type Finding, warning } from "./finding.ts";
import { checkSums, listedFiles } from "./sums.ts";

/** A bundle can't be checked. Its message says why, in a sentence that contains no secret. */
export class BundleUnreadableError extends Error {
  override readonly name = "BundleUnreadableError";
}

export interface BundleFiles {
  /** Texts of the files that exist, by name. */
  texts: Map<string, string>;
  findings: Finding[];
}

/** @throws {BundleUnreadableError} */
export async function readBundle(dir: string): Promise<BundleFiles> {
  const entries = await orUnreadable(readdir(dir, { withFileTypes: true }));
  const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  if (![...listedFiles, "SHA256SUMS"].some((name) => names.includes(name)))
    throw new BundleUnreadableError(`${dir} holds no evidence bundle.`);
  const contents = new Map<string, Buffer>();
  for (const name of names) contents.set(name, await orUnreadable(readFile(join(dir, name))));
  const others = entries.filter((entry) => !entry.isFile()).map(({ name }) => name);
  const findings = [...checkSums(contents), ...(await checkOthers(dir, others))];
  const texts = new Map([...contents].map(([name, bytes]) => [name, bytes.toString("utf8")]));
  return { texts, findings };
}

async function orUnreadable<T>(reading: Promise<T>): Promise<T> {
  return reading.catch((cause: unknown) => {
    throw new BundleUnreadableError(`The bundle can't be read: ${messageOf(cause)}.`, { cause });
  });
}

/** Earlier attempts are in `earlier`, each a separate bundle; where there are several realms, each has a bundle. */
async function checkOthers(dir: string, names: readonly string[]): Promise<Finding[]> {
  const findings = await Promise.all(
    names.map(async (name): Promise<Finding> => {
      const isBundle = await isDirectory(join(dir, name), "SHA256SUMS");
      if (isBundle) return warning(`${name} is a separate bundle, and was not checked.`);
      const attempts = name === "earlier" ? await attemptsIn(join(dir, name)) : undefined;
      if (attempts === undefined) return error(`${name} does not belong to the bundle.`);
      return warning(
        `earlier contains ${attempts} earlier attempts, which were not checked: check each one.`,
      );
    }),
  );
  return findings;
}

/** How many there are; undefined where the directory has anything else in it. */
async function attemptsIn(directory: string): Promise<number | undefined> {
  const isOwn = (await lstat(directory).catch(() => undefined))?.isDirectory() === true;
  if (!isOwn) return undefined;
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => undefined);
  const isTidy = entries?.every((entry) => entry.isDirectory() && /^\d+$/.test(entry.name));
  return isTidy ? entries?.length : undefined;
}

/** Never through a link. */
async function isDirectory(path: string, ...within: string[]): Promise<boolean> {
  const [directory, file] = await Promise.all(
    [path, join(path, ...within)].map((one) => lstat(one).catch(() => undefined)),
  );
  return directory?.isDirectory() === true && file?.isFile() === true;
}
