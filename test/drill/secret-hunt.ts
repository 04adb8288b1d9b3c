import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

/** A JWT anywhere in a text: what no log, state or evidence may hold. */
export const jwt = /eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}/;

/** A text, and what of it decodes from base64: a secret must be in neither. */
export function layers(text: string): string {
  const chunks = text.match(/[A-Za-z0-9+/_-]{16,}={0,2}/g) ?? [];
  const decoded = chunks.map((chunk) => Buffer.from(chunk, "base64").toString("latin1"));
  return [text, ...decoded].join("\n");
}

export async function filesBelow(directory: string): Promise<{ path: string; text: string }[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(files.map(async (path) => ({ path, text: await readFile(path, "utf8") })));
}

/** The arguments of this process and of all that it has started: what else runs on the machine is not ours to judge. */
export async function processList(): Promise<string> {
  const { stdout } = await promisify(execFile)("ps", ["-eo", "pid=,ppid=,args="], {
    maxBuffer: 16 * 1024 * 1024,
  });
  const all = stdout.split("\n").flatMap((line) => {
    const [, pid = "", parent = "", text = ""] = /^\s*(\d+)\s+(\d+)\s(.*)$/.exec(line) ?? [];
    return pid === "" ? [] : [{ pid, parent, text }];
  });
  const own = new Set([String(process.pid)]);
  for (let size = 0; size !== own.size; ) {
    size = own.size;
    for (const { pid, parent } of all) if (own.has(parent)) own.add(pid);
  }
  return all.flatMap(({ pid, text }) => (own.has(pid) ? text : [])).join("\n");
}
