import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress } from "node:zlib";
import { type Browser, chromium } from "playwright-core";
import { cacheDir, madeOnce } from "./cache-dir.ts";

/**
 * A real headless Chromium: the one that `LAB_CHROMIUM` names, else the one that npm has brought, which is unpacked
 * once, into the cache. The caller closes it.
 *
 * @throws {Error} where this machine can't run it; {@link browserGap} says so in words
 */
export async function openBrowser(): Promise<Browser> {
  const given = process.env.LAB_CHROMIUM;
  const directory = given ? undefined : await unpacked();
  // The package's own arguments are for one process in a Lambda: there, a closed page takes the browser with it.
  return chromium.launch({
    executablePath: given || join(directory ?? "", "chromium"),
    chromiumSandbox: false,
    args: ["--disable-gpu", "--font-render-hinting=none"],
    ...(directory && { env: { ...process.env, ...libraryPath(directory) } }),
  });
}

/** Why no browser can be had here; false where one can. */
export async function browserGap(): Promise<string | false> {
  try {
    await (await openBrowser()).close();
    return false;
  } catch (error) {
    const text = String(error);
    const reason = gaps.find((gap) => gap.test(text))?.exec(text)?.[0];
    if (reason === undefined) throw error;
    return `no browser starts on this machine: ${reason}; LAB_CHROMIUM may name one`;
  }
}

const gaps = [
  /the Chromium from npm is for .*/,
  /error while loading shared libraries:.*/,
  /Cannot find (?:package|module) '[^']*'/,
  /executable doesn't exist at .*/i,
  /spawn\b.* E[A-Z]+/,
];

/** It comes as Brotli archives; its libraries are unpacked too, as a bare machine has no NSS. */
async function unpacked(): Promise<string> {
  const machine = `${process.platform}-${process.arch}`;
  if (machine !== "linux-x64") throw new Error(`the Chromium from npm is for linux-x64, this is ${machine}`);
  const packed = dirname(dirname(dirname(createRequire(import.meta.url).resolve("@sparticuz/chromium"))));
  const { version } = JSON.parse(await readFile(join(packed, "package.json"), "utf8")) as { version: string };
  return madeOnce(cacheDir("chromium", version), async (directory) => {
    for (const archive of ["al2023.tar.br", "fonts.tar.br"])
      await extract(join(packed, "bin", archive), directory);
    const executable = createWriteStream(join(directory, "chromium"), { mode: 0o755 });
    await unbrotli(join(packed, "bin", "chromium.br"), executable);
  });
}

function unbrotli(path: string, into: NodeJS.WritableStream): Promise<void> {
  return pipeline(createReadStream(path), createBrotliDecompress(), into);
}

async function extract(archive: string, directory: string): Promise<void> {
  const tar = spawn("tar", ["-x", "-C", directory], { stdio: ["pipe", "ignore", "inherit"] });
  const [[code]] = await Promise.all([once(tar, "exit"), unbrotli(archive, tar.stdin)]);
  if (code !== 0) throw new Error(`tar could not unpack ${archive}`);
}

function libraryPath(directory: string): NodeJS.ProcessEnv {
  const own = join(directory, "lib");
  const others = process.env.LD_LIBRARY_PATH;
  return { LD_LIBRARY_PATH: others ? `${own}:${others}` : own, FONTCONFIG_PATH: directory };
}
