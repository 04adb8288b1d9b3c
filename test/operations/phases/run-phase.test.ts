import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { RotationError } from "#operations/base/errors";
import { evidenceSchema } from "#operations/evidence/evidence-schema";
import { runPhase } from "#operations/phases/run-phase";
import { findings, runContext } from "../samples.ts";

interface Stage {
  run: ReturnType<typeof runContext>;
  directory: string;
  /** What was shown on standard output. */
  lines: string[];
}

async function stage(t: TestContext): Promise<Stage> {
  const directory = await mkdtemp(join(tmpdir(), "phase-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const lines: string[] = [];
  t.mock.method(console, "log", (line: string) => lines.push(line));
  return { run: runContext(directory), directory, lines };
}

const [canaryRecord] = findings().phases;
assert.ok(canaryRecord);
const before = { phases: [canaryRecord] };
const failure = new RotationError("KEYCLOAK_UNREACHABLE", "it is down", { nextStep: "start it" });
const fail = () => Promise.reject(failure);

suite("runPhase", () => {
  test("a phase that goes well is timed, shown with its summary, and writes nothing", async (t) => {
    const { run, directory, lines } = await stage(t);
    const work = async () => ({ result: 42, summary: "published k" });
    const { result, record } = await runPhase(run, "publish", before, work);
    assert.deepEqual(
      [result, record.phase, record.outcome, record.summary],
      [42, "publish", "done", "published k"],
    );
    assert.ok(record.startedAt <= record.finishedAt);
    assert.deepEqual(lines, ["[publish] published k"]);
    assert.deepEqual(await readdir(directory), []);
  });

  test("a phase that fails writes the evidence, says where, and throws the very error", async (t) => {
    const { run, lines } = await stage(t);
    await assert.rejects(runPhase(run, "publish", before, fail), (error) => error === failure);
    const path = join(run.evidenceDir, "INC-4711", "8");
    assert.deepEqual(lines, [`[publish] failed; evidence: ${join(path, "report.md")}`]);
    const read: unknown = JSON.parse(await readFile(join(path, "evidence.json"), "utf8"));
    const evidence = evidenceSchema.parse(read);
    assert.deepEqual(
      [evidence.outcome, evidence.failedPhase, evidence.error],
      ["failed", "publish", failure.message],
    );
    assert.deepEqual(
      evidence.phases.map(({ phase, outcome }) => `${phase} ${outcome}`),
      ["canary done", "publish failed"],
    );
  });

  test("evidence that can't be written is reported beside the phase's error and does not hide it", async (t) => {
    const { run, directory, lines } = await stage(t);
    const file = join(directory, "file");
    await writeFile(file, "");
    await assert.rejects(
      runPhase({ ...run, evidenceDir: file }, "publish", before, fail),
      (error) => error === failure,
    );
    assert.match(lines.join("\n"), /^\[publish\] EVIDENCE_NOT_WRITTEN/);
  });

  test("a failure does not wipe out the evidence of an earlier verified run of the same rotation", async (t) => {
    const { run } = await stage(t);
    const { writeEvidence } = await import("#operations/evidence/write-evidence");
    await writeEvidence(run, findings());
    await assert.rejects(runPhase(run, "cut-over", before, fail));
    const files = await readdir(run.evidenceDir, { recursive: true, withFileTypes: true });
    const texts = await Promise.all(
      files.filter((file) => file.isFile()).map((file) => readFile(join(file.parentPath, file.name), "utf8")),
    );
    assert.ok(texts.some((text) => text.includes('"verified": true')));
  });
});
