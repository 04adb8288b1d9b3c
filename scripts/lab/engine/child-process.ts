import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { delimiter, dirname } from "node:path";
import { createInterface } from "node:readline";

export interface NodeChild {
  readonly process: ChildProcess;
  /** Resolves with the exit code; a signal counts as 128. */
  readonly exited: Promise<number>;
  /** Lets it end by itself, so that Node keeps the modules that it has compiled; it is killed if it does not. */
  stop(): void;
}

const STOP_GRACE_MS = 2_000;

export interface NodeChildOptions {
  readonly script: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Record<string, string>;
  onLine(stream: "stdout" | "stderr", line: string): void;
}

const watcher = new URL("./parent-watch.ts", import.meta.url).href;

function childEnv(extra: Record<string, string>): NodeJS.ProcessEnv {
  const path = `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ""}`;
  const { PULUMI_CONFIG_PASSPHRASE: _passphrase, PULUMI_CONFIG_PASSPHRASE_FILE: _file, ...env } = process.env;
  return { ...env, PATH: path, ...extra };
}

async function exitOf(child: ChildProcess, lines: Promise<unknown>): Promise<number> {
  const [code] = (await once(child, "exit")) as [number | null];
  await lines;
  return code ?? 128;
}

/** Starts a Node process that dies with this one, even after a `kill -9`. */
export function startNode({ script, args, cwd, env, onLine }: NodeChildOptions): NodeChild {
  const argv = ["--import", watcher, script, ...args];
  const child = spawn(process.execPath, argv, {
    cwd,
    env: childEnv(env),
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  const closed = (["stdout", "stderr"] as const).map((stream) => {
    const input = child[stream];
    if (input === null) return Promise.resolve();
    const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
    lines.on("line", (line) => onLine(stream, line));
    return once(lines, "close");
  });
  const exited = exitOf(child, Promise.all(closed));
  const stop = () => {
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_GRACE_MS);
    void exited.then(() => clearTimeout(timer));
  };
  return { process: child, exited, stop };
}
