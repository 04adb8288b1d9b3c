import assert from "node:assert/strict";
import { glob, readFile } from "node:fs/promises";
import { suite, test } from "node:test";
import { parse } from "yaml";
import { errorCodes } from "#operations/base/error-codes";
import { renderReference } from "../scripts/reference/render-reference.ts";

const root = new URL("../", import.meta.url);
const read = (path: string) => readFile(new URL(path, root), "utf8");

async function filesLike(pattern: string): Promise<string[]> {
  const found: string[] = [];
  for await (const path of glob(pattern, { cwd: root.pathname, exclude: ["**/node_modules/**"] }))
    found.push(path);
  return found;
}

suite("the reference", () => {
  test("matches the source (otherwise: npm run reference)", async () => {
    const { config } = parse(await read("Pulumi.yaml"));
    assert.equal(await read("docs/reference.md"), renderReference(config));
  });

  test("has no error code that is never used", async () => {
    const sources = await filesLike("{components/**/*.ts,scripts/kill/*.ts,settings.ts}");
    const used = sources.filter((path) => !path.endsWith("/error-codes.ts"));
    const text = (await Promise.all(used.map(read))).join("");
    const unused = Object.keys(errorCodes).filter((code) => !new RegExp(`\\b${code}\\b`).test(text));
    assert.deepEqual(unused, []);
  });
});

test("every link in a document leads to an existing file and heading", async () => {
  const pages = await filesLike("{*.md,docs/**/*.md}");
  const broken: string[] = [];
  for (const page of pages) {
    for (const [, target = ""] of (await read(page)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      const { pathname, hash } = new URL(target, new URL(page, root));
      const there = await readFile(pathname, "utf8").catch(() => undefined);
      if (there === undefined || (hash && !anchorsOf(there).includes(hash)))
        broken.push(`${page}: ${target}`);
    }
  }
  assert.deepEqual(broken, []);
});

/** As GitHub and GitLab make them of headings. */
function anchorsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) => {
    const words = title.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "");
    return `#${words.trim().replaceAll(" ", "-")}`;
  });
}
