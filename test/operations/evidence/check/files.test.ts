import assert from "node:assert/strict";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { checkBundle } from "#operations/evidence/check/check-bundle";
import { BundleUnreadableError } from "#operations/evidence/check/files";
import { bundleOf, emergency, temporaryDirectory } from "../../evidence-bundles.ts";

const unsigned = "The bundle has no evidence.jws";

type Change = (directory: string) => Promise<unknown>;

async function put(directory: string, ...path: string[]): Promise<void> {
  const file = join(directory, ...path);
  await mkdir(join(file, ".."), { recursive: true });
  await writeFile(file, "");
}

const dirs =
  (...paths: string[]): Change =>
  (directory) =>
    Promise.all(paths.map((path) => mkdir(join(directory, path), { recursive: true })));

const rows: [title: string, change: Change, level: "warning" | "error", what: string][] = [
  [
    "another realm's bundle is not checked",
    (directory) => put(directory, "shop", "SHA256SUMS"),
    "warning",
    "shop is a separate bundle, and was not checked.",
  ],
  [
    "earlier attempts are counted",
    dirs("earlier/1", "earlier/12"),
    "warning",
    "earlier contains 2 earlier attempts, which were not checked: check each one.",
  ],
  ["a folder does not belong to it", dirs("more"), "error", "more does not belong to the bundle."],
  [
    "a folder of attempts by another name does not belong to it",
    dirs("older/1"),
    "error",
    "older does not belong to the bundle.",
  ],
  [
    "a folder of earlier attempts with something else in it does not belong to it",
    dirs("earlier/1", "earlier/best"),
    "error",
    "earlier does not belong to the bundle.",
  ],
  [
    "a folder of earlier attempts with a file in it does not belong to it",
    (directory) => put(directory, "earlier", "1"),
    "error",
    "earlier does not belong to the bundle.",
  ],
  [
    "a folder whose SHA256SUMS is a folder is no bundle",
    dirs("shop/SHA256SUMS"),
    "error",
    "shop does not belong to the bundle.",
  ],
];

suite("beside the files of a bundle", () => {
  for (const [title, change, level, what] of rows)
    test(title, async (t) => {
      const directory = await bundleOf(t, emergency());
      await change(directory);
      const { findings } = await checkBundle(directory);
      const said = findings.filter((one) => one.level !== "ok" && !one.what.startsWith(unsigned));
      assert.deepEqual(said, [{ level, what }]);
    });

  for (const [name, path] of [
    ["shop", ["SHA256SUMS"]],
    ["earlier", ["1", "SHA256SUMS"]],
  ] as const)
    test(`a link named ${name} is not followed`, async (t) => {
      const [directory, elsewhere] = [await bundleOf(t, emergency()), await temporaryDirectory(t)];
      await put(elsewhere, ...path);
      await symlink(elsewhere, join(directory, name));
      const { findings } = await checkBundle(directory);
      const errors = findings.filter(({ level }) => level === "error").map(({ what }) => what);
      assert.deepEqual(errors, [`${name} does not belong to the bundle.`]);
    });
});

suite("a directory that can't be checked", () => {
  test("has no file of a bundle", async (t) => {
    const directory = await temporaryDirectory(t);
    await put(directory, "evidence.jws");
    await assert.rejects(checkBundle(directory), BundleUnreadableError);
  });

  for (const name of ["SHA256SUMS", "report.html"])
    test(`is none where only ${name} is left: what is missing is named`, async (t) => {
      const [directory, whole] = [await temporaryDirectory(t), await bundleOf(t, emergency())];
      await writeFile(join(directory, name), await readFile(join(whole, name)));
      const { ok, findings } = await checkBundle(directory);
      assert.equal(ok, false);
      assert.match(findings.map(({ what }) => what).join("\n"), /is missing/);
    });

  test("does not exist", async (t) => {
    const directory = join(await temporaryDirectory(t), "none");
    await assert.rejects(checkBundle(directory), BundleUnreadableError);
  });

  test("has a folder of a file's name only", async (t) => {
    const directory = await temporaryDirectory(t);
    await dirs("evidence.json")(directory);
    await assert.rejects(checkBundle(directory), BundleUnreadableError);
  });
});
