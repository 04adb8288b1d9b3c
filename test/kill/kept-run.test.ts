import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import type { CanaryOutputs } from "#phases/canary";
import { KeptRun } from "../../scripts/kill/kept-run.ts";

const canary = { canary: "eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl" } as unknown as CanaryOutputs;

async function place(t: TestContext) {
  const evidenceDir = await mkdtemp(join(tmpdir(), "kept-run-"));
  t.after(() => rm(evidenceDir, { recursive: true }));
  return { stack: "prod", realm: "shop/eu", rotation: 8, incident: "INC-1", evidenceDir };
}

suite("what is kept for a repeated kill", () => {
  test("a later run with the same secret finds it; the file holds no token and is nobody else's to read", async (t) => {
    const where = await place(t);
    const first = await KeptRun.open(where, "the-admin-secret");
    assert.deepEqual(first.phases, {});
    await first.keep({ canary });
    assert.deepEqual((await KeptRun.open(where, "the-admin-secret")).phases, { canary });
    const folder = join(where.evidenceDir, ".kill");
    const [name = ""] = await readdir(folder);
    assert.doesNotMatch(await readFile(join(folder, name), "utf8"), /eyJ|the-admin-secret/);
    assert.equal((await stat(join(folder, name))).mode & 0o077, 0);
  });

  test("with another secret, or for another incident, there is nothing", async (t) => {
    const where = await place(t);
    await (await KeptRun.open(where, "the-admin-secret")).keep({ canary });
    assert.deepEqual((await KeptRun.open(where, "another-secret")).phases, {});
    assert.deepEqual((await KeptRun.open({ ...where, incident: "INC-2" }, "the-admin-secret")).phases, {});
  });

  test("it goes when the run is proven", async (t) => {
    const where = await place(t);
    const kept = await KeptRun.open(where, "the-admin-secret");
    await kept.keep({ canary });
    await kept.forget();
    assert.deepEqual(await readdir(join(where.evidenceDir, ".kill")), []);
  });
});
