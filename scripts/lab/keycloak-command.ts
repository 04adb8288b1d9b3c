import { type SpawnOptions, spawn } from "node:child_process";

/**
 * Runs a program to its end.
 *
 * @returns its exit code and all its output; code 127 where it can't be started, 124 where it took too long
 */
export async function run(
  command: string,
  args: readonly string[],
  options: SpawnOptions & { timeoutMs: number },
): Promise<{ code: number; output: string }> {
  const { timeoutMs, ...rest } = options;
  const signal = AbortSignal.timeout(timeoutMs);
  return new Promise((resolve) => {
    const child = spawn(command, args, { ...rest, signal, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const collect = (chunk: Buffer) => {
      output += chunk.toString();
    };
    child.stdout?.on("data", collect);
    child.stderr?.on("data", collect);
    child.on("error", (error) =>
      resolve({ code: signal.aborted ? 124 : 127, output: `${output}${error.message}` }),
    );
    child.on("close", (code) => resolve({ code: code ?? 128, output }));
  });
}
