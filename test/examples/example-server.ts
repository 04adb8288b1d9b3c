import { createHash } from "node:crypto";
import { cp, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { cacheDir, madeOnce } from "../../scripts/lab/cache-dir.ts";
import { run } from "../../scripts/lab/keycloak-command.ts";
import { logTail, startGuarded } from "../../scripts/lab/process.ts";

type Command = readonly [program: string, ...args: string[]];

/** One of the servers in docs/examples, and how it is built and run, as its team would. */
export interface Example {
  readonly language: "typescript" | "go" | "java" | "python" | "python-workers";
  /** Each must succeed for this machine to be able to build and run it. */
  readonly needs: readonly Command[];
  /** Run in a copy of the example. */
  readonly build: readonly Command[];
  /** Run in that copy, too. */
  readonly start: Command;
}

/** It can install packages, and is Python 3.10 or later. */
const python: Command = ["python3", "-c", "import pip, sys; sys.exit(sys.version_info < (3, 10))"];
/** Into the copy itself: it is where the servers are run. */
const pipInstall: Command = [
  "python3",
  "-m",
  "pip",
  "install",
  "-q",
  "--require-hashes",
  "--target",
  ".",
  "-r",
  "requirements.txt",
];

/** Servers that implement the whole contract. */
export const examples: readonly Example[] = [
  { language: "typescript", needs: [], build: [], start: [process.execPath, "server.ts"] },
  {
    language: "go",
    needs: [["go", "version"]],
    build: [["go", "build", "-o", "api", "."]],
    start: ["./api"],
  },
  {
    language: "java",
    needs: [
      ["java", "-version"],
      ["mvn", "-v"],
    ],
    build: [["mvn", "-q", "-B", "compile", "dependency:copy-dependencies"]],
    start: ["java", "-XX:TieredStopAtLevel=1", "-cp", "target/classes:target/dependency/*", "Api"],
  },
  { language: "python", needs: [python], build: [pipInstall], start: ["python3", "server.py"] },
];

/** How servers of several processes are started: four workers at one port. */
export const preforking: Readonly<Record<string, Example>> = {
  "node:cluster": { language: "typescript", needs: [], build: [], start: [process.execPath, "cluster.ts"] },
  "gunicorn, sync workers": gunicorn(),
  "gunicorn, gthread workers": gunicorn("--threads", "4"),
  "gunicorn --preload": gunicorn("--preload"),
  "uvicorn workers": pythonWorkers("uvicorn", "api:asgi", "--port", "0"),
};

function gunicorn(...more: string[]): Example {
  return pythonWorkers("gunicorn", "api:wsgi", "--bind", "127.0.0.1:0", "--no-control-socket", ...more);
}

function pythonWorkers(...args: string[]): Example {
  const start: Command = ["python3", "-m", ...args];
  return { language: "python-workers", needs: [python], build: [pipInstall], start };
}

export function sourceDir(language: Example["language"]): string {
  return fileURLToPath(new URL(`../../docs/examples/${language}/`, import.meta.url));
}

/** The first of its needs that this machine lacks. */
export async function missingFor({ needs }: Example): Promise<string | undefined> {
  for (const [program, ...args] of needs) {
    const { code } = await run(program, args, { timeoutMs: 60_000 });
    if (code !== 0) return program;
  }
  return undefined;
}

/** Builds an example once. TypeScript needs no build; where it is, it finds the jose that this project has. */
export async function buildExample({ language, build }: Example): Promise<string> {
  const source = sourceDir(language);
  if (build.length === 0) return source;
  const hash = createHash("sha256").update(JSON.stringify(build));
  for (const entry of (await readdir(source, { recursive: true, withFileTypes: true })).toSorted(byPath))
    if (entry.isFile()) hash.update(await readFile(join(entry.parentPath, entry.name)));
  const target = cacheDir("examples", `${language}-${hash.digest("hex").slice(0, 12)}`);
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

export interface ExampleServer {
  readonly url: string;
  log(): Promise<string[]>;
  stop(): Promise<void>;
}

/** As the examples say it, gunicorn and uvicorn. */
const listening = /(?:^listening on|Listening at:|running on) (http:\S+)/;

/** Starts an example at a port of the machine's choice, and waits until it listens. */
export async function startExample(
  example: Example,
  env: Readonly<Record<string, string>>,
): Promise<ExampleServer> {
  const cwd = await buildExample(example);
  const directory = await mkdtemp(join(tmpdir(), "example-"));
  const logFile = join(directory, "log");
  const [program, ...args] = example.start;
  // The guard has no working directory of its own to give.
  const command = ["-c", 'cd "$0" && exec "$@"', cwd, program, ...args];
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
    if (url !== undefined) return { url, log, stop };
    if (child.running && Date.now() < deadline) await pause(50);
    else break;
  }
  const tail = await logTail(logFile);
  await stop();
  throw new Error(`the example in ${example.language} did not start. The end of its log:\n${tail}`);
}
