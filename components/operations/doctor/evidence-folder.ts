import { randomUUID } from "node:crypto";
import { mkdir, rm, rmdir, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { Examined } from "./finding.ts";

/**
 * Writes a file into the evidence folder and removes it again, and the folder too where it was not there before.
 *
 * @param evidenceDir as configured
 * @param projectDir what it is relative to
 */
export async function examineEvidenceFolder(evidenceDir: string, projectDir: string): Promise<Examined> {
  const common = { check: "evidence folder", realm: "" } as const;
  const directory = resolve(projectDir, evidenceDir);
  let made: string | undefined;
  try {
    made = await mkdir(directory, { recursive: true });
    const file = join(directory, `.doctor-${randomUUID()}`);
    await writeFile(file, "");
    await rm(file);
    return { ...common, seen: `${evidenceDir} can be written`, findings: [] };
  } catch (error) {
    // The whole message would show the machine's own paths.
    const { code = "unknown error" } = error as NodeJS.ErrnoException;
    const what = `evidenceDir ${evidenceDir} can't be written (${code})`;
    const emergency =
      "the keys are disabled and the instances proven, but the run ends red without an evidence bundle";
    const next = "make evidenceDir a folder that the pipeline's user can write";
    return {
      ...common,
      seen: what,
      findings: [{ code: "EVIDENCE_NOT_WRITTEN", severity: "problem", realm: "", what, emergency, next }],
    };
  } finally {
    if (made !== undefined) await removeEmpty(directory, made);
  }
}

/** Removes folders from the inside out, as long as nobody has put anything there. */
async function removeEmpty(directory: string, outermost: string): Promise<void> {
  for (let at = directory; at.startsWith(outermost); at = dirname(at)) {
    const isGone = await rmdir(at).then(
      () => true,
      () => false,
    );
    if (!isGone) return;
  }
}
