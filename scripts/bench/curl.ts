import { execFile, spawnSync } from "node:child_process";
import { devNull } from "node:os";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Whether curl is on PATH. */
export function hasCurl(): boolean {
  return spawnSync("curl", ["--version"]).status === 0;
}

/**
 * Sends one request with curl, a process of its own.
 *
 * @throws Error where the answer has another status than `expected`
 */
export async function curl(options: string[], url: string, token: string, expected: number): Promise<void> {
  const bearer = ["--header", `authorization: Bearer ${token}`];
  const quiet = ["--silent", "--output", devNull, "--write-out", "%{http_code}"];
  const { stdout } = await run("curl", [...options, ...bearer, ...quiet, url]);
  if (Number(stdout) !== expected) throw new Error(`${url} answered ${stdout}`);
}
