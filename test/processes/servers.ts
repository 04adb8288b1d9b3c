import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type Command,
  type Program,
  pythonBuild,
  pythonNeeds,
  type StartedProgram,
  startProgram,
} from "../examples/program.ts";
import { isAlive } from "../lab/sample-api/process-state.ts";

export type ProcessServerKind = "gunicorn-sync" | "gunicorn-gthread" | "uvicorn" | "node-cluster";

const workers = 4;

function directory(name: string): string {
  return fileURLToPath(new URL(`./${name}/`, import.meta.url));
}

/** The folder's apps behind a server that PyPI has. */
function python(name: ProcessServerKind, ...start: Command): Program {
  return { name, source: directory("python"), needs: pythonNeeds, build: pythonBuild, start };
}

function gunicorn(name: ProcessServerKind, ...how: string[]): Program {
  const start = ["gunicorn", "wsgi:app", "--bind", "127.0.0.1:0", "--workers", `${workers}`];
  // The control socket would have one path for all gunicorns of this user.
  return python(name, "python3", "-m", ...start, "--no-control-socket", ...how);
}

const programs = {
  "gunicorn-sync": gunicorn("gunicorn-sync", "--worker-class", "sync"),
  "gunicorn-gthread": gunicorn("gunicorn-gthread", "--worker-class", "gthread", "--threads", "4"),
  uvicorn: python(
    "uvicorn",
    ...(["python3", "-m", "uvicorn", "asgi:app", "--lifespan", "off"] as const),
    ...["--host", "127.0.0.1", "--port", "0", "--workers", `${workers}`],
  ),
  "node-cluster": {
    name: "node-cluster",
    source: directory("node"),
    needs: [],
    build: [],
    start: [process.execPath, "cluster.ts"],
  },
} satisfies Record<ProcessServerKind, Program>;

/** Servers with several worker processes behind one port, each with a key cache of its own, none of them written here. */
export const processServers: readonly (Pick<Program, "needs"> & { readonly kind: ProcessServerKind })[] = [
  { kind: "gunicorn-sync", ...programs["gunicorn-sync"] },
  { kind: "gunicorn-gthread", ...programs["gunicorn-gthread"] },
  { kind: "uvicorn", ...programs.uvicorn },
  { kind: "node-cluster", ...programs["node-cluster"] },
];

export interface ProcessServerOptions {
  readonly issuer: string;
  /** Default: Keycloak's, below the issuer. */
  readonly jwksUri?: string;
  /** Default: tokens for anybody are accepted. */
  readonly audience?: string;
  readonly apiRefreshToken: string;
  /** Whether answers name their process: `JWKS-Process: <pid>; of=<workers>`. */
  readonly header: boolean;
  /** The refresh: a 404, or it fetches in the worker that got it, or in all. */
  readonly refresh: "none" | "one" | "all";
}

export interface ProcessServer extends StartedProgram {
  /** How many processes answer. */
  readonly workers: number;
  /** Those that run now. */
  pids(): Promise<number[]>;
}

/** Starts a server, and waits until each of its workers has the issuer's keys. */
export async function startProcessServer(
  kind: ProcessServerKind,
  { issuer, jwksUri, audience, apiRefreshToken, header, refresh }: ProcessServerOptions,
): Promise<ProcessServer> {
  const run = await mkdtemp(join(tmpdir(), `${kind}-`));
  const processes = join(run, "processes");
  await mkdir(processes);
  const env = {
    ISSUER: issuer,
    ...(jwksUri !== undefined && { JWKS_URI: jwksUri }),
    ...(audience !== undefined && { AUDIENCE: audience }),
    INTERNAL_JWKS_REFRESH_TOKEN: apiRefreshToken,
    PROCESS_HEADER: header ? "yes" : "no",
    REFRESH: refresh,
    WORKERS: `${workers}`,
    PROCESSES_DIR: processes,
  };
  const pids = async () => (await readdir(processes)).map(Number).filter(isAlive);
  const haveKeys = async () => {
    const files = (await pids()).map((pid) => readFile(join(processes, `${pid}`), "utf8"));
    return (await Promise.all(files)).filter(Boolean).length === workers;
  };
  const removed = () => rm(run, { recursive: true, force: true });
  try {
    const program = await startProgram(programs[kind], env, haveKeys);
    const stop = () => program.stop().finally(removed);
    return { ...program, workers, pids, stop };
  } catch (error) {
    await removed();
    throw error;
  }
}
