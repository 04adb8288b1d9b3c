import { readFile, writeFile } from "node:fs/promises";
import { parse } from "yaml";
import { renderReference } from "./reference/render-reference.ts";

/** Writes docs/reference.md. A test checks that it matches the source. */
const at = (path: string) => new URL(`../${path}`, import.meta.url);
const { config } = parse(await readFile(at("Pulumi.yaml"), "utf8"));
await writeFile(at("docs/reference.md"), renderReference(config));
