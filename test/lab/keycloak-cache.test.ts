import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { madeOnce } from "../../scripts/lab/cache-dir.ts";

describe("the lab's cache", () => {
  let root = "";
  before(async () => {
    root = await mkdtemp(join(tmpdir(), "lab-cache-"));
  });
  after(() => rm(root, { recursive: true }));

  test("when many processes need the same directory at once, one creates it and all get it complete", async () => {
    const target = join(root, "once", "made");
    let makers = 0;
    const make = async (directory: string) => {
      makers++;
      assert.deepEqual(await readdir(join(root, "once")).then((all) => all.includes("made")), false);
      await writeFile(join(directory, "content"), "complete");
    };
    await Promise.all(Array.from({ length: 5 }, () => madeOnce(target, make)));
    assert.equal(makers, 1);
    assert.equal(await readFile(join(target, "content"), "utf8"), "complete");
  });

  test("a failed attempt leaves nothing behind, and the next one creates it", async () => {
    const target = join(root, "failed", "made");
    await assert.rejects(
      madeOnce(target, async (directory) => {
        await writeFile(join(directory, "half"), "");
        throw new Error("disk full");
      }),
      /disk full/,
    );
    assert.deepEqual(await readdir(join(root, "failed")), []);
    await madeOnce(target, (directory) => writeFile(join(directory, "content"), ""));
    assert.deepEqual(await readdir(target), ["content"]);
  });
});
