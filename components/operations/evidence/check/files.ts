import { createHash } from "node:crypto";
import { lstat, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../../base/errors.ts";
import { error, type Finding, warning } from "./finding.ts";

/** A bundle can't be checked. Its message says why, in a sentence that contains no secret. */
export class BundleUnreadableError extends Error {
  override readonly name = "BundleUnreadableError";
}

export interface BundleFiles {
  /** Texts of the files that exist, by name. */
  texts: Map<string, string>;
  findings: Finding[];
}

/** Every bundle has them, and SHA256SUMS lists them. */
const listed = ["evidence.json", "report.md", "report.html", "jwks-before.json", "jwks-after.json"];
/** SHA256SUMS can list neither itself nor its own signature. */
const unlisted = ["SHA256SUMS", "evidence.jws"];

/** @throws {BundleUnreadableError} */
export async function readBundle(dir: string): Promise<BundleFiles> {
  const entries = await orUnreadable(readdir(dir, { withFileTypes: true }));
  const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  if (![...listed, "SHA256SUMS"].some((name) => names.includes(name)))
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

function checkSums(contents: ReadonlyMap<string, Buffer>): Finding[] {
  const manifest = contents.get("SHA256SUMS")?.toString("utf8");
  if (manifest === undefined)
    return [error("SHA256SUMS is missing: whether the files were changed can't be checked.")];
  const { sums, problems } = readSums(manifest);
  for (const name of listed) if (!sums.has(name)) problems.push(`SHA256SUMS does not list ${name}.`);
  for (const [name, sum] of sums) {
    const bytes = contents.get(name);
    if (!bytes) problems.push(`${name} is missing, but SHA256SUMS lists it.`);
    else if (createHash("sha256").update(bytes).digest("hex") !== sum)
      problems.push(`${name} was changed: its SHA-256 is not the one in SHA256SUMS.`);
  }
  for (const name of contents.keys()) {
    if (sums.has(name) || unlisted.includes(name) || listed.includes(name)) continue;
    problems.push(describeUnlisted(name));
  }
  if (problems.length > 0) return problems.map(error);
  return [{ level: "ok", what: `All ${sums.size} files that SHA256SUMS lists are present and unchanged.` }];
}

function describeUnlisted(name: string): string {
  if (name === "report.html")
    return "report.html is not in SHA256SUMS: whether it was changed can't be checked.";
  if (name.endsWith(".partial")) return `${name} is left over from a write that was interrupted.`;
  return `${name} does not belong to the bundle: SHA256SUMS does not list it.`;
}

interface Sums {
  sums: Map<string, string>;
  problems: string[];
}

/** Stricter than `sha256sum`, which skips lines that it can't read. */
function readSums(manifest: string): Sums {
  const sums = new Map<string, string>();
  const problems: string[] = [];
  const lines = manifest.split("\n");
  if (lines.pop() !== "") problems.push("SHA256SUMS does not end with a line break.");
  for (const [index, line] of lines.entries()) {
    const [, sum, name] = /^([0-9a-f]{64}) {2}(\w[\w.-]*)$/.exec(line) ?? [];
    if (sum === undefined || name === undefined)
      problems.push(`SHA256SUMS: line ${index + 1} is not a checksum.`);
    else if (sums.has(name)) problems.push(`SHA256SUMS lists ${name} twice.`);
    else sums.set(name, sum);
  }
  return { sums, problems };
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
        `earlier contains ${attempts.length} earlier attempts, which were not checked: check each one.`,
      );
    }),
  );
  return findings;
}

async function attemptsIn(directory: string): Promise<string[] | undefined> {
  const isOwn = (await lstat(directory).catch(() => undefined))?.isDirectory() === true;
  if (!isOwn) return undefined;
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => undefined);
  const isTidy = entries?.every((entry) => entry.isDirectory() && /^\d+$/.test(entry.name));
  return isTidy ? entries?.map(({ name }) => name) : undefined;
}

/** Never through a link. */
async function isDirectory(path: string, ...within: string[]): Promise<boolean> {
  const [directory, file] = await Promise.all(
    [path, join(path, ...within)].map((one) => lstat(one).catch(() => undefined)),
  );
  return directory?.isDirectory() === true && file?.isFile() === true;
}
