import { existsSync } from "node:fs";
import { mkdir, readdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, RotationError } from "../base/errors.ts";

/** Phases can fail at the same time; their bundles are written one after the other. */
let writing: Promise<void> = Promise.resolve();

/**
 * Writes a bundle's files into its directory.
 *
 * @throws {RotationError} EVIDENCE_NOT_WRITTEN
 */
export function storeBundle(directory: string, files: Record<string, string>): Promise<void> {
  const turn = writing.then(() => writeBundle(directory, files));
  writing = turn.catch(() => undefined);
  return turn;
}

async function writeBundle(directory: string, files: Record<string, string>): Promise<void> {
  try {
    await mkdir(directory, { recursive: true });
    await keepEarlier(directory);
    for (const [name, text] of Object.entries(files)) {
      const partial = join(directory, `.${name}.partial`);
      await writeFile(partial, text);
      await rename(partial, join(directory, name));
    }
  } catch (error) {
    throw new RotationError("EVIDENCE_NOT_WRITTEN", `the bundle could not be written: ${messageOf(error)}`, {
      nextStep: "make evidenceDir writable, then run the same up again",
      cause: error,
    });
  }
}

/** Every file that a bundle may have. */
const bundleFiles = [
  "evidence.json",
  "report.md",
  "report.html",
  "jwks-before.json",
  "jwks-after.json",
  "SHA256SUMS",
  "evidence.jws",
];

/** Evidence is never overwritten: the bundle of an earlier attempt moves to `earlier/<n>`. */
async function keepEarlier(directory: string): Promise<void> {
  // An interrupted move leaves some of the files: those of one attempt must never mix with those of the next.
  if (!bundleFiles.some((name) => existsSync(join(directory, name)))) return;
  const earlier = join(directory, "earlier");
  await mkdir(earlier, { recursive: true });
  const numbers = (await readdir(earlier)).map(Number).filter(Number.isInteger);
  const target = join(earlier, String(Math.max(0, ...numbers) + 1));
  await mkdir(target);
  // A later attempt may write fewer files: an unsigned one must not keep the signature of the one before.
  for (const name of bundleFiles)
    await rename(join(directory, name), join(target, name)).catch(ignoreMissing);
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}
