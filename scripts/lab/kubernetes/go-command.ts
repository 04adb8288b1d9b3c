import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { run } from "../keycloak-command.ts";
import { logTail, startGuarded } from "../process.ts";

const everyMs = 3_000;

export interface GoOptions {
  /** The directory of the go.mod. */
  readonly directory: string;
  /** Called every three seconds with the lines that the command has printed so far. */
  readonly onOutput: (lines: readonly string[], seconds: number) => void;
}

/** Whether there is a Go to build with. */
export async function hasGo(): Promise<boolean> {
  const { code } = await run("go", ["version"], { timeoutMs: 30_000 });
  return code === 0;
}

/**
 * Runs a go command that yields to everything else on the machine, and that ends when this process does.
 *
 * @returns what it printed
 * @throws Error with the end of what it printed
 */
export async function go(args: readonly string[], options: GoOptions): Promise<string> {
  const logFile = join(options.directory, `go-${args[0]}.log`);
  const env = { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-mod=mod" };
  const startedAt = Date.now();
  const command = startGuarded("nice", ["-n", "5", "go", "-C", options.directory, ...args], { logFile, env });
  const report = async () => {
    const lines = (await readFile(logFile, "utf8")).split("\n").slice(0, -1);
    options.onOutput(lines, Math.round((Date.now() - startedAt) / 1000));
  };
  while (command.running) {
    await Promise.race([command.exited, pause(everyMs)]);
    if (command.running) await report();
  }
  const code = await command.exited;
  if (code !== 0) throw new Error(`go ${args[0]} failed (exit ${code}):\n${await logTail(logFile)}`);
  return readFile(logFile, "utf8");
}
