import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { projectDir } from "../../scripts/lab/scenario.ts";

export interface DrillRun {
  exitCode: number;
  /** Both output streams. */
  output: string;
  /** Reads the summary for machines. */
  summary: () => Promise<ReturnType<typeof JSON.parse>>;
  /** `evidence` is in it. */
  directory: string;
}

/** Runs the drill as a stranger does. */
export async function runDrill(t: TestContext, ...args: string[]): Promise<DrillRun> {
  return runDrillWith(t, {}, ...args);
}

/** Runs the drill with the environment changed by `env`. */
export async function runDrillWith(
  t: TestContext,
  env: NodeJS.ProcessEnv,
  ...args: string[]
): Promise<DrillRun> {
  const directory = await mkdtemp(join(tmpdir(), "drill-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const json = join(directory, "summary.json");
  const child = spawn(
    process.execPath,
    ["scripts/drill.ts", "--json", json, "--evidence", join(directory, "evidence"), ...args],
    { cwd: projectDir, stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } },
  );
  t.after(() => child.kill("SIGKILL"));
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
  const [exitCode] = await once(child, "close");
  return { exitCode, output, summary: async () => JSON.parse(await readFile(json, "utf8")), directory };
}
