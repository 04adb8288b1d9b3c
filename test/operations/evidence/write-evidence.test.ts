import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { evidenceSchema } from "#operations/evidence/evidence-schema";
import { bundleDirectory, writeEvidence } from "#operations/evidence/write-evidence";
import { at, findings, runContext, unsignedBundle } from "../samples.ts";

const run = promisify(execFile);

async function temporaryDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "evidence-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

suite("writeEvidence", () => {
  test("the bundle is in the directory of its incident and rotation, complete and with no other file", async (t) => {
    const { directory, reportPath } = await writeEvidence(
      runContext(await temporaryDirectory(t)),
      findings(),
    );
    assert.ok(directory.endsWith(join("INC-4711", "8")));
    assert.equal(reportPath, join(directory, "report.md"));
    assert.deepEqual((await readdir(directory)).toSorted(), unsignedBundle);
  });

  test("without an incident it is in the directory `planned`", () => {
    const context = { ...runContext("evidence"), incident: "" };
    assert.equal(bundleDirectory(context), join("evidence", "planned", "8"));
  });

  test("sha256sum -c agrees, and the digest is that of SHA256SUMS", async (t) => {
    const { directory, digest } = await writeEvidence(runContext(await temporaryDirectory(t)), findings());
    const { stdout } = await run("sha256sum", ["--strict", "-c", "SHA256SUMS"], { cwd: directory });
    assert.equal(stdout.match(/: OK$/gm)?.length, 5);
    const sums = await readFile(join(directory, "SHA256SUMS"));
    assert.equal(createHash("sha256").update(sums).digest("hex"), digest);
  });

  test("evidence.json on disk is the evidence, and fits the schema", async (t) => {
    const { directory, evidence } = await writeEvidence(runContext(await temporaryDirectory(t)), findings());
    const read: unknown = JSON.parse(await readFile(join(directory, "evidence.json"), "utf8"));
    assert.deepEqual(evidenceSchema.parse(read), evidence);
  });

  test("the key sets are those of before and after", async (t) => {
    const { directory } = await writeEvidence(runContext(await temporaryDirectory(t)), findings());
    const sets = await Promise.all(
      ["jwks-before.json", "jwks-after.json"].map((name) => readFile(join(directory, name), "utf8")),
    );
    assert.deepEqual(
      sets.map((text) => (JSON.parse(text) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid)),
      [["old"], ["new"]],
    );
  });

  test("a run that found almost nothing has a bundle too", async (t) => {
    const { directory } = await writeEvidence(runContext(await temporaryDirectory(t)), { phases: [] });
    await run("sha256sum", ["-c", "SHA256SUMS"], { cwd: directory });
  });

  test("a later attempt at the same rotation moves the earlier bundle, and both match their checksums", async (t) => {
    const context = runContext(await temporaryDirectory(t));
    const first = await writeEvidence(context, { phases: [] });
    // Of a time when the stack still had a key to sign with.
    await writeFile(join(first.directory, "evidence.jws"), "signature of the first attempt");
    const { directory, evidence } = await writeEvidence(context, findings());
    assert.equal(evidence.outcome, "verified");
    assert.ok((await readdir(join(directory, "earlier", "1"))).includes("evidence.jws"));
    await run("sha256sum", ["-c", "SHA256SUMS"], { cwd: directory });
    await run("sha256sum", ["-c", "SHA256SUMS"], { cwd: join(directory, "earlier", "1") });
    assert.deepEqual((await readdir(directory)).toSorted(), [...unsignedBundle, "earlier"].toSorted());
  });

  test("a later attempt is written also after an archived one and after an interrupted move", async (t) => {
    const context = runContext(await temporaryDirectory(t));
    for (const phases of [[], [], []]) await writeEvidence(context, { phases });
    const { directory } = await writeEvidence(context, { phases: [] });
    await rm(join(directory, "earlier", "1"), { recursive: true });
    await rm(join(directory, "evidence.json"));
    await writeFile(join(directory, "evidence.jws"), "signature of the attempt that was cut off");
    await writeEvidence(context, findings());
    assert.deepEqual((await readdir(join(directory, "earlier"))).toSorted(), ["2", "3", "4"]);
    assert.ok(!(await readdir(directory)).includes("evidence.jws"));
    assert.ok((await readdir(join(directory, "earlier", "4"))).includes("evidence.jws"));
  });

  test("two phases that fail at the same time leave one complete bundle", async (t) => {
    const context = runContext(await temporaryDirectory(t));
    const written = [1, 2, 3, 4].map((seconds) =>
      writeEvidence(context, findings({ attempts: attemptsOf(seconds) })),
    );
    const [first] = await Promise.all(written);
    await run("sha256sum", ["--strict", "-c", "SHA256SUMS"], { cwd: first?.directory });
  });

  test("a directory that can't be created is EVIDENCE_NOT_WRITTEN and is named", async (t) => {
    const file = join(await temporaryDirectory(t), "file");
    await writeFile(file, "");
    await assert.rejects(writeEvidence(runContext(file), findings()), {
      code: "EVIDENCE_NOT_WRITTEN",
      message: /INC-4711.*Next: make evidenceDir writable/,
    });
  });

  test("only known findings are written, so a token beside them is in no file", async (t) => {
    const token = `eyJhbGciOiJSUzI1NiJ9.${"x".repeat(40)}.${"y".repeat(40)}`;
    const context = { ...runContext(await temporaryDirectory(t)) };
    const { directory } = await writeEvidence(context, {
      ...findings(),
      ...{ canaries: [{ token }] },
    });
    for (const name of unsignedBundle) {
      assert.doesNotMatch(await readFile(join(directory, name), "utf8"), /eyJ[\w-]+\.eyJ/, name);
    }
  });
});

function attemptsOf(seconds: number) {
  const failures = Array.from(
    { length: seconds * 2_000 },
    (_, index) => `instance ${index} still accepts kid old`,
  );
  return [{ startedAt: at(0), finishedAt: at(seconds), verified: false, failures }];
}
