import { readFileSync } from "node:fs";

/** Whether a process runs. One that has ended, but that nobody has waited for yet, does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return stateOf(pid) !== "Z";
}

/** The state letter of proc(5), where there is a /proc. */
function stateOf(pid: number): string | undefined {
  try {
    // The name, in parentheses, may hold spaces.
    return readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "")[0];
  } catch {
    return undefined;
  }
}
