import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { brotliCompressSync } from "node:zlib";
import { browserGap, openBrowser, unpackTar } from "../../scripts/lab/browser.ts";

async function temporaryDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "lab-browser-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

test("an archive with megabytes of padding after its end mark is unpacked", async (t) => {
  const directory = await temporaryDirectory(t);
  const [from, to] = [join(directory, "from"), join(directory, "to")];
  await mkdir(from);
  await mkdir(to);
  await writeFile(join(from, "font.ttf"), "a font");
  const tar = join(directory, "fonts.tar");
  await promisify(execFile)("tar", ["-cf", tar, "-C", from, "."]);
  const padded = Buffer.concat([await readFile(tar), Buffer.alloc(8_000_000)]);
  await writeFile(`${tar}.br`, brotliCompressSync(padded));
  await unpackTar(`${tar}.br`, to);
  assert.deepEqual(await readdir(to), ["font.ttf"]);
});

test("the browser draws text boxes and characters that its fonts lack, over the full page", {
  skip: await browserGap(),
}, async (t) => {
  const browser = await openBrowser();
  t.after(() => browser.close());
  const page = await browser.newPage();
  const foreign = "→ ✔ 日本語 العربية 😀 👩‍👩‍👧 𝕏 \u{e000} \u{10ffff}";
  await page.setContent(`<input value="${foreign}"><button>${foreign}</button><pre>${foreign}</pre>
    <svg><text y="20" font-family="system-ui">${foreign}</text></svg>
    <span id="latin">plain text</span><div style="height:5000px">${foreign}</div>`);
  assert.ok((await page.screenshot({ fullPage: true })).length > 1_000);
  assert.ok(await page.evaluate("document.querySelector('#latin').offsetWidth > 30"), "no font is loaded");
});
