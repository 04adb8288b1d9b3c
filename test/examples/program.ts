import { createHash } from "node:crypto";
import { cp, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { cacheDir, madeOnce } from "../../scripts/lab/cache-dir.ts";
import { run } from "../../scripts/lab/keycloak-command.ts";
import { logTail, startGuarded } from "../../scripts/lab/process.ts";

export type Command = readonly [program: string, ...args: string[]];

/** A server, and how it is built and run, as its team would. */
export interface Program {
  /** For messages. */
  readonly name: string;
  /** The directory that it is built and run in a copy of; without a build, it is run there. */
  readonly source: string;
  /** Each must succeed for this machine to be able to build and run it. */
  readonly needs: readonly Command[];
  readonly build: readonly Command[];
  readonly start: Command;
}

export const pythonNeeds: readonly Command[] = [
  ["python3", "-c", "import pip, sys; sys.exit(sys.version_info < (3, 10))"],
];

/** Installs what requirements.txt pins, by hash, beside the program. */
export const pythonBuild: readonly Command[] = [
  [
    ...(["python3", "-m", "pip", "install", "-q"] as const),
    ...["--require-hashes", "--target", ".", "-r", "requirements.txt"],
  ],
];

/** The first of its needs that this machine lacks. */
export async function missingFor({ needs }: Pick<Program, "needs">): Promise<string | undefined> {
  for (const [program, ...args] of needs) {
    const { code } = await run(program, args, { timeoutMs: 60_000 });
    if (code !== 0) return program;
  }
  return undefined;
}

/** Builds a program once, and again when a file of it or a command has changed. */
async function built({ source, build }: Program): Promise<string> {
  if (build.length === 0) return source;
  const hash = createHash("sha256").update(JSON.stringify(build));
  for (const entry of (await readdir(source, { recursive: true, withFileTypes: true })).toSorted(byPath))
    if (entry.isFile()) hash.update(await readFile(join(entry.parentPath, entry.name)));
  const target = cacheDir("programs", `${basename(source)}-${hash.digest("hex").slice(0, 12)}`);
  return madeOnce(target, async (directory) => {
    await cp(source, directory, { recursive: true });
    for (const [program, ...args] of build) {
      const { code, output } = await run(program, args, { cwd: directory, timeoutMs: 600_000 });
      if (code !== 0) throw new Error(`${program} ${args[0]} failed (exit ${code}):\n${output.slice(-2000)}`);
    }
  });
}

type Entry = { parentPath: string; name: string };

function byPath(a: Entry, b: Entry): number {
  return join(a.parentPath, a.name) < join(b.parentPath, b.name) ? -1 : 1;
}

export interface StartedProgram {
  readonly url: string;
  log(): Promise<string[]>;
  /** Kills it and all its descendants. */
  stop(): Promise<void>;
}

/**
 * Starts a program at a port of the machine's choice, and waits until its log says where it listens.
 *
 * @param isReady what must be so besides
 */
export async function startProgram(
  program: Program,
  env: Readonly<Record<string, string>>,
  isReady: () => Promise<boolean> = async () => true,
): Promise<StartedProgram> {
  const cwd = await built(program);
  const directory = await mkdtemp(join(tmpdir(), "program-"));
  const logFile = join(directory, "log");
  // The guard has no working directory of its own to give.
  const command = ["-c", 'cd "$0" && exec "$@"', cwd, ...program.start];
  const { PATH = "", HOME = "" } = process.env;
  const child = startGuarded("sh", command, {
    logFile,
    env: { PATH, HOME, HOST: "127.0.0.1", PORT: "0", ...env },
  });
  const log = async () => (await readFile(logFile, "utf8")).trimEnd().split("\n");
  const stop = async () => {
    await child.stop();
    await rm(directory, { recursive: true, force: true });
  };
  const deadline = Date.now() + 60_000;
  for (;;) {
    const url = (await log()).map((line) => listening.exec(line)?.[1]).find(Boolean);
    if (url !== undefined && (await isReady())) return { url, log, stop };
    if (child.running && Date.now() < deadline) await pause(50);
    else break;
  }
  const tail = await logTail(logFile);
  await stop();
  throw new Error(`${program.name} did not start. The end of its log:\n${tail}`);
}

/** As the examples say it, and gunicorn, and uvicorn. */
const listening = /(?:listening on|Listening at:|Uvicorn running on) (http:\/\/[\d.]+:\d+)/;
