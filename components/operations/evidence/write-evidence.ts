import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, RotationError } from "../base/errors.ts";
import type { RunContext } from "../base/run-context.ts";
import { buildEvidence } from "./build-evidence.ts";
import { signatureOf } from "./bundle-signature.ts";
import type { Evidence } from "./evidence-schema.ts";
import type { Findings } from "./findings.ts";
import { renderHtml } from "./report/html-report.ts";
import { renderReport } from "./report/markdown.ts";

export interface EvidenceBundle {
  evidence: Evidence;
  /** Directory of the bundle, as configured. */
  directory: string;
  reportPath: string;
  /** SHA-256 of SHA256SUMS, hex: one value that identifies the whole bundle. */
  digest: string;
}

/** The directory of a rotation's bundle: `<evidenceDir>/<incident>/<rotation>`, and `/<realm>` where there are several. */
export function bundleDirectory({ evidenceDir, incident, rotation, realm, realms }: RunContext): string {
  const own = realms.length > 1 ? [encodeURIComponent(realm)] : [];
  return join(evidenceDir, incident || "planned", String(rotation), ...own);
}

/**
 * Writes the evidence bundle: `evidence.json`, `report.md`, `report.html`, `jwks-before.json`, `jwks-after.json`, `SHA256SUMS`, and
 * `evidence.jws` where the stack has a key to sign with.
 * The bundle of an earlier attempt at the same rotation moves to `earlier/<n>` beside it.
 *
 * @throws {RotationError} EVIDENCE_NOT_WRITTEN
 */
export async function writeEvidence(run: RunContext, findings: Findings): Promise<EvidenceBundle> {
  const evidence = buildEvidence(run, findings, new Date().toISOString());
  const files: Record<string, string> = {
    "evidence.json": json(evidence),
    "report.md": renderReport(evidence),
    "report.html": renderHtml(evidence),
    "jwks-before.json": json(findings.prepared?.canary.jwksBefore ?? { keys: [] }),
    "jwks-after.json": json(findings.cutover?.jwksAfter ?? { keys: [] }),
  };
  const sums = Object.entries(files).map(([name, text]) => `${sha256(text)}  ${name}\n`);
  const manifest = sums.join("");
  const signature = await signatureOf(manifest);
  const directory = bundleDirectory(run);
  await writeFiles(directory, {
    ...files,
    SHA256SUMS: manifest,
    ...(signature === undefined ? {} : { "evidence.jws": signature }),
  });
  return { evidence, directory, reportPath: join(directory, "report.md"), digest: sha256(manifest) };
}

/** Phases can fail at the same time; their bundles are written one after the other. */
let writing: Promise<void> = Promise.resolve();

function writeFiles(directory: string, files: Record<string, string>): Promise<void> {
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

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
