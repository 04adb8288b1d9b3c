import { createHash } from "node:crypto";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, RotationError } from "./errors.ts";
import { buildEvidence, type Findings, type RunContext } from "./evidence.ts";
import type { Evidence } from "./evidence-schema.ts";
import { renderReport } from "./report.ts";

export interface EvidenceBundle {
  evidence: Evidence;
  /** Directory of the bundle, as configured. */
  directory: string;
  reportPath: string;
  /** SHA-256 of SHA256SUMS, hex: one value that pins the whole bundle. */
  digest: string;
}

/** The directory of a rotation's bundle: `<evidenceDir>/<incident>/<rotation>`. */
export function bundleDirectory({ evidenceDir, incident, rotation }: RunContext): string {
  return join(evidenceDir, incident || "planned", String(rotation));
}

/**
 * Writes the evidence bundle: `evidence.json`, `report.md`, `jwks-before.json`, `jwks-after.json`, `SHA256SUMS`.
 * A bundle of an earlier attempt at the same rotation is replaced; what that attempt found is in `attempts`.
 *
 * @throws {RotationError} EVIDENCE_NOT_WRITTEN
 */
export async function writeEvidence(run: RunContext, findings: Findings): Promise<EvidenceBundle> {
  const evidence = buildEvidence(run, findings, new Date().toISOString());
  const files: Record<string, string> = {
    "evidence.json": json(evidence),
    "report.md": renderReport(evidence),
    "jwks-before.json": json(findings.canary?.jwksBefore ?? { keys: [] }),
    "jwks-after.json": json(findings.cutover?.jwksAfter ?? { keys: [] }),
  };
  const sums = Object.entries(files).map(([name, text]) => `${sha256(text)}  ${name}\n`);
  files.SHA256SUMS = sums.join("");
  const directory = bundleDirectory(run);
  await writeFiles(directory, files);
  return { evidence, directory, reportPath: join(directory, "report.md"), digest: sha256(files.SHA256SUMS) };
}

async function writeFiles(directory: string, files: Record<string, string>): Promise<void> {
  try {
    await mkdir(directory, { recursive: true });
    for (const [name, text] of Object.entries(files)) {
      const partial = join(directory, `.${name}.partial`);
      await writeFile(partial, text);
      await rename(partial, join(directory, name));
    }
  } catch (error) {
    throw new RotationError(
      "EVIDENCE_NOT_WRITTEN",
      `the bundle in ${directory} could not be written: ${messageOf(error)}`,
      {
        nextStep: "make evidenceDir writable, then run the same up again",
        cause: error,
      },
    );
  }
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
