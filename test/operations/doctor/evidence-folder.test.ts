import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { examineEvidenceFolder } from "#operations/doctor/evidence-folder";

async function project(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "evidence-folder-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

suite("examineEvidenceFolder", () => {
  test("a folder that can be written is left as it was, and one that is not there is not left behind", async (t) => {
    const directory = await project(t);
    await mkdir(join(directory, "kept"));
    for (const folder of ["kept", "a/new/one"])
      assert.deepEqual((await examineEvidenceFolder(folder, directory)).findings, []);
    assert.deepEqual(await readdir(directory, { recursive: true }), ["kept"]);
  });

  test("a folder that can't be written is found, by its name in the config", async (t) => {
    const directory = await project(t);
    await writeFile(join(directory, "file"), "");
    const { findings } = await examineEvidenceFolder("file/evidence", directory);
    const [{ code, severity, what } = assert.fail()] = findings;
    assert.deepEqual([code, severity], ["EVIDENCE_NOT_WRITTEN", "problem"]);
    assert.equal(what, "evidenceDir file/evidence can't be written (ENOTDIR)");
  });
});
