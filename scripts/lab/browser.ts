import { execFile } from "node:child_process";
import { createReadStream, createWriteStream } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, delimiter, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { createBrotliDecompress } from "node:zlib";
import { type Browser, chromium } from "playwright-core";
import { cacheDir, madeOnce } from "./cache-dir.ts";

/**
 * Starts a headless Chromium: the one that `LAB_CHROMIUM` names, else the one from npm, which is unpacked once into
 * the cache. The caller closes it.
 *
 * @throws {Error} where this machine can't run it; {@link browserGap} says why
 */
export async function openBrowser(): Promise<Browser> {
  const given = process.env.LAB_CHROMIUM;
  const directory = given ? undefined : await unpacked();
  // The package's own arguments are for AWS Lambda: with them, closing a page closes the browser.
  return chromium.launch({
    executablePath: given || join(directory ?? "", "chromium"),
    chromiumSandbox: false,
    args: ["--disable-gpu", "--font-render-hinting=none"],
    ...(directory && { env: { ...process.env, ...environmentOf(directory) } }),
  });
}

/** Why no browser starts on this machine; false where one does. */
export async function browserGap(): Promise<string | false> {
  try {
    await (await openBrowser()).close();
    return false;
  } catch (error) {
    const text = String(error);
    const reason = gaps.find((gap) => gap.test(text))?.exec(text)?.[0];
    if (reason === undefined) throw error;
    return `no browser starts on this machine: ${reason}; set LAB_CHROMIUM to the path of one`;
  }
}

const gaps = [
  /the Chromium from npm is for .*/,
  /error while loading shared libraries:.*/,
  /Cannot find (?:package|module) '[^']*'/,
  /executable doesn't exist at .*/i,
  /spawn\b.* E[A-Z]+/,
];

/** The package holds Brotli archives: the executable, the libraries that a bare machine lacks, and one font family. */
async function unpacked(): Promise<string> {
  const machine = `${process.platform}-${process.arch}`;
  if (machine !== "linux-x64") throw new Error(`the Chromium from npm is for linux-x64, this is ${machine}`);
  const packed = dirname(dirname(dirname(createRequire(import.meta.url).resolve("@sparticuz/chromium"))));
  const { version } = JSON.parse(await readFile(join(packed, "package.json"), "utf8")) as { version: string };
  return madeOnce(cacheDir("browser", version), async (directory) => {
    for (const archive of ["al2023.tar.br", "fonts.tar.br"])
      await unpackTar(join(packed, "bin", archive), directory);
    await writeFile(join(directory, "fonts.conf"), fontsConf);
    await decompress(join(packed, "bin", "chromium.br"), join(directory, "chromium"), 0o755);
  });
}

/**
 * Replaces the package's own, which names folders of AWS Lambda: with no font at all, Chromium crashes on the first
 * page that has a text box ("SkFontMgr_FontConfigInterface.cpp: Not implemented").
 */
const fontsConf = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">fonts</dir>
  <cachedir prefix="xdg">jwks-break-glass/fontconfig</cachedir>
</fontconfig>
`;

/**
 * Unpacks a `.tar.br` into a directory. By way of a file: tar stops reading at the archive's end mark, and a pipe to
 * it would break while the padding after the mark is written.
 */
export async function unpackTar(archive: string, directory: string): Promise<void> {
  const tar = join(directory, basename(archive, ".br"));
  await decompress(archive, tar);
  await promisify(execFile)("tar", ["-xf", tar, "-C", directory]);
  await rm(tar);
}

function decompress(from: string, to: string, mode = 0o644): Promise<void> {
  return pipeline(createReadStream(from), createBrotliDecompress(), createWriteStream(to, { mode }));
}

function environmentOf(directory: string): NodeJS.ProcessEnv {
  const libraries = [join(directory, "lib"), process.env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter);
  return { LD_LIBRARY_PATH: libraries, FONTCONFIG_PATH: directory };
}
