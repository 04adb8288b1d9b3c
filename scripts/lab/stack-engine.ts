import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export interface RunResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Both, in the order in which the lines came. */
  readonly output: string;
}

/** A command line that runs Pulumi: the CLI, or the local engine in its place. */
export interface Engine {
  readonly kind: "pulumi" | "local";
  readonly version: string;
  readonly command: string;
  readonly prefix: readonly string[];
}

const LOCAL_ENGINE = fileURLToPath(new URL("./engine/cli.ts", import.meta.url));

/** Gathers what a command prints until it ends. */
export function collect(child: ChildProcess, onLine: (line: string) => void): Promise<RunResult> {
  const seen = { stdout: [] as string[], stderr: [] as string[], output: [] as string[] };
  const streams = (["stdout", "stderr"] as const).map((name) => {
    const input = child[name];
    if (input === null) return Promise.resolve();
    const lines = createInterface({ input });
    lines.on("line", (line) => {
      seen[name].push(line);
      seen.output.push(line);
      onLine(line);
    });
    return once(lines, "close");
  });
  const text = (lines: string[]): string => lines.join("\n");
  return Promise.all([once(child, "exit") as Promise<[number | null]>, ...streams]).then(([[code]]) => ({
    exitCode: code ?? 128,
    stdout: text(seen.stdout),
    stderr: text(seen.stderr),
    output: text(seen.output),
  }));
}

async function versionOfCli(): Promise<string | undefined> {
  try {
    const child = spawn("pulumi", ["version"], { stdio: ["ignore", "pipe", "ignore"] });
    const failed = once(child, "error").then(() => undefined);
    const done = collect(child, () => {}).then(({ exitCode, stdout }) =>
      exitCode === 0 ? stdout.trim() : undefined,
    );
    return await Promise.race([failed, done]);
  } catch {
    return undefined;
  }
}

/** The Pulumi CLI if it is on PATH, else the local engine. */
export async function chooseEngine(): Promise<Engine> {
  const version = await versionOfCli();
  if (version !== undefined) return { kind: "pulumi", version, command: "pulumi", prefix: [] };
  return {
    kind: "local",
    version: `on ${process.version}`,
    command: process.execPath,
    prefix: [LOCAL_ENGINE],
  };
}
