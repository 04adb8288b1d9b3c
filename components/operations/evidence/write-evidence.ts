import { createHash } from "node:crypto";
import { join } from "node:path";
import type { RunContext } from "../base/run-context.ts";
import { buildEvidence } from "./build-evidence.ts";
import { signatureOf } from "./bundle-signature.ts";
import type { Evidence } from "./evidence-schema.ts";
import type { Findings } from "./findings.ts";
import { renderHtml } from "./report/html-report.ts";
import { renderReport } from "./report/markdown.ts";
import { storeBundle } from "./store-bundle.ts";

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
  await storeBundle(directory, {
    ...files,
    SHA256SUMS: manifest,
    ...(signature === undefined ? {} : { "evidence.jws": signature }),
  });
  return { evidence, directory, reportPath: join(directory, "report.md"), digest: sha256(manifest) };
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
