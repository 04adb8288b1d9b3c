import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

export interface GuardedOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Both output streams are appended to it. */
  readonly logFile: string;
  /** A command that undoes what killing the process group does not, such as a container. */
  readonly cleanup?: readonly string[];
}

export interface GuardedProcess {
  readonly pid: number;
  /** Resolves with the exit code once the process has ended; a signal counts as 128. */
  readonly exited: Promise<number>;
  readonly running: boolean;
  /** Kills the process and all its descendants. Resolves when it has ended. */
  stop(): Promise<void>;
}

const guard = fileURLToPath(new URL("./process-guard.ts", import.meta.url));

/** Starts a command that dies, with all its descendants, when this process does: even by `kill -9`. */
export function startGuarded(
  command: string,
  args: readonly string[],
  options: GuardedOptions,
): GuardedProcess {
  const log = openSync(options.logFile, "a", 0o600);
  const cleanup = options.cleanup ? { LAB_GUARD_CLEANUP: JSON.stringify(options.cleanup) } : {};
  const child = spawn(process.execPath, [guard, command, ...args], {
    detached: true,
    env: { ...(options.env ?? process.env), ...cleanup },
    stdio: ["ignore", log, log, "pipe"],
  });
  closeSync(log);
  return guarded(child);
}

function guarded(child: ChildProcess): GuardedProcess {
  const { pid } = child;
  if (pid === undefined) throw new Error("the guard process could not be started");
  const exited = once(child, "exit").then(([code]: (number | null)[]) => code ?? 128);
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  // The guard's pipe must not keep a finished test file or drill from ending.
  child.unref();
  return {
    pid,
    exited,
    get running() {
      return isRunning();
    },
    async stop() {
      if (!isRunning()) return;
      child.ref();
      // Closing the pipe is what the guard waits for: it cleans up, then kills its group, itself last.
      child.stdio[3]?.destroy();
      await exited;
    },
  };
}

/** The end of a log file, for a message about why something did not start. */
export async function logTail(file: string, lines = 30): Promise<string> {
  const text = await readFile(file, "utf8").catch(() => "(no log)");
  return text.trimEnd().split("\n").slice(-lines).join("\n");
}
