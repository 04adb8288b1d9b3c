import { createHash } from "node:crypto";
import { error, type Finding } from "./finding.ts";

/** Every bundle has them, and SHA256SUMS lists them. */
export const listedFiles = [
  "evidence.json",
  "report.md",
  "report.html",
  "jwks-before.json",
  "jwks-after.json",
];
/** SHA256SUMS can list neither itself nor its own signature. */
const unlistedFiles = ["SHA256SUMS", "evidence.jws"];

/** Whether the files are those that SHA256SUMS lists, and unchanged. */
export function checkSums(contents: ReadonlyMap<string, Buffer>): Finding[] {
  const manifest = contents.get("SHA256SUMS")?.toString("utf8");
  if (manifest === undefined)
    return [error("SHA256SUMS is missing: whether the files were changed can't be checked.")];
  const { sums, problems } = readSums(manifest);
  for (const name of listedFiles) if (!sums.has(name)) problems.push(`SHA256SUMS does not list ${name}.`);
  for (const [name, sum] of sums) {
    const bytes = contents.get(name);
    if (!bytes) problems.push(`${name} is missing, but SHA256SUMS lists it.`);
    else if (createHash("sha256").update(bytes).digest("hex") !== sum)
      problems.push(`${name} was changed: its SHA-256 is not the one in SHA256SUMS.`);
  }
  for (const name of contents.keys()) {
    if (sums.has(name) || unlistedFiles.includes(name) || listedFiles.includes(name)) continue;
    problems.push(describeUnlisted(name));
  }
  if (problems.length > 0) return problems.map(error);
  return [{ level: "ok", what: `All ${sums.size} files that SHA256SUMS lists are present and unchanged.` }];
}

function describeUnlisted(name: string): string {
  if (name.endsWith(".partial")) return `${name} is left over from a write that was interrupted.`;
  return `${name} does not belong to the bundle: SHA256SUMS does not list it.`;
}

interface Sums {
  sums: Map<string, string>;
  problems: string[];
}

/** Stricter than `sha256sum`, which skips lines that it can't read. */
function readSums(manifest: string): Sums {
  const sums = new Map<string, string>();
  const problems: string[] = [];
  const lines = manifest.split("\n");
  if (lines.pop() !== "") problems.push("SHA256SUMS does not end with a line break.");
  for (const [index, line] of lines.entries()) {
    const [, sum, name = ""] = /^([0-9a-f]{64}) {2}(\w[\w.-]*)$/.exec(line) ?? [];
    if (sum === undefined) problems.push(`SHA256SUMS: line ${index + 1} is not a checksum.`);
    else if (sums.has(name)) problems.push(`SHA256SUMS lists ${name} twice.`);
    else sums.set(name, sum);
  }
  return { sums, problems };
}
