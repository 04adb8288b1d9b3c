import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { request } from "undici";
import { type GuardedProcess, startGuarded } from "./guarded-process.ts";
import { keycloakHome, keycloakVersion } from "./keycloak-distribution.ts";

export interface LabKeycloak {
  /** Base URL without a trailing slash. */
  readonly url: string;
  /** A client of the master realm that may do everything. */
  readonly adminClientId: string;
  readonly adminClientSecret: string;
  /** Ends it; does nothing where it was running already. */
  stop(): Promise<void>;
}

export interface KeycloakOptions {
  onProgress?: (line: string) => void;
  /** Milliseconds to wait for it to be ready. Default: 300000; the first start on a slow machine takes a minute. */
  timeoutMs?: number;
}

/** Names of the variables that point to a Keycloak that is running already. */
export const environment = {
  url: "LAB_KEYCLOAK_URL",
  adminClientId: "LAB_KEYCLOAK_ADMIN_CLIENT_ID",
  adminClientSecret: "LAB_KEYCLOAK_ADMIN_CLIENT_SECRET",
} as const;

/**
 * A real Keycloak on loopback: the one that the environment names, else KEYCLOAK_HOME, the cached distribution, or
 * one that Maven fetches, else a container. Its database is in memory and goes with it.
 */
export async function startKeycloak(options: KeycloakOptions = {}): Promise<LabKeycloak> {
  const running = runningKeycloak();
  if (running) return running;
  const progress = options.onProgress ?? (() => {});
  const directory = await mkdtemp(join(tmpdir(), "lab-keycloak-"));
  const logFile = join(directory, "keycloak.log");
  const secret = randomBytes(24).toString("base64url");
  const port = await freePort();
  const child = await launch(port, secret, logFile, progress);
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    await child.stop();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await ready(url, child, options.timeoutMs ?? 300_000);
  } catch (error) {
    const tail = (await readFile(logFile, "utf8")).split("\n").slice(-25).join("\n");
    await stop();
    throw new Error(`Keycloak did not start; the end of its log:\n${tail}`, { cause: error });
  }
  return { url, adminClientId: adminClient, adminClientSecret: secret, stop };
}

const adminClient = "lab-admin";

function runningKeycloak(): LabKeycloak | undefined {
  const { [environment.url]: url, [environment.adminClientId]: id, [environment.adminClientSecret]: secret } = process.env;
  if (!url) return undefined;
  if (!id || !secret) throw new Error(`${environment.url} is set: set ${environment.adminClientId} and ${environment.adminClientSecret} too`);
  return { url: url.replace(/\/+$/, ""), adminClientId: id, adminClientSecret: secret, stop: async () => {} };
}

async function launch(port: number, secret: string, logFile: string, progress: (line: string) => void) {
  const env = {
    KC_BOOTSTRAP_ADMIN_CLIENT_ID: adminClient,
    KC_BOOTSTRAP_ADMIN_CLIENT_SECRET: secret,
    JAVA_OPTS_APPEND: "-XX:TieredStopAtLevel=1",
  };
  try {
    const home = await keycloakHome(progress);
    await augment(home, progress);
    progress(`starting Keycloak ${keycloakVersion}`);
    return startGuarded("bash", [join(home, "bin/kc.sh"), "start-dev", ...buildOptions, ...runOptions(port)], {
      cwd: home,
      env,
      logFile,
    });
  } catch (error) {
    const runtime = await containerRuntime();
    if (!runtime) throw error;
    progress(`starting Keycloak ${keycloakVersion} with ${runtime}`);
    return startGuarded(runtime, containerArgs(port), { env, logFile });
  }
}

/** Options that Keycloak builds into itself: another set makes it augment anew, which takes half a minute. */
const buildOptions = ["--db=dev-mem", "--cache=local"];
const runOptions = (port: number) => ["--http-host=127.0.0.1", `--http-port=${port}`];

/**
 * Keycloak augments its own installation on the first start. Two at once would spoil it, so the first starter does it
 * alone: it runs a start to the end of the augmentation, and the others wait for the mark it leaves.
 */
async function augment(home: string, progress: (line: string) => void): Promise<void> {
  const mark = join(home, ".augmented");
  const lock = join(home, ".augmenting");
  while (!existsSync(mark)) {
    try {
      await mkdir(lock);
    } catch {
      if (!(await lockIsAlive(lock))) await rm(lock, { recursive: true, force: true });
      await delay(250);
      continue;
    }
    try {
      await writeFile(join(lock, "pid"), String(process.pid));
      progress("preparing Keycloak (once, up to a minute)");
      await promisify(execFile)("bash", [join(home, "bin/kc.sh"), "build", ...buildOptions], { cwd: home });
      await writeFile(mark, "");
    } finally {
      await rm(lock, { recursive: true, force: true });
    }
  }
}

async function lockIsAlive(lock: string): Promise<boolean> {
  await delay(250);
  const pid = Number(await readFile(join(lock, "pid"), "utf8").catch(() => "0"));
  if (!pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function containerRuntime(): Promise<string | undefined> {
  for (const runtime of ["docker", "podman"]) {
    try {
      await promisify(execFile)(runtime, ["info"], { timeout: 10_000 });
      return runtime;
    } catch {
      // Not there, or no engine behind it.
    }
  }
  return undefined;
}

function containerArgs(port: number): string[] {
  const secrets = ["KC_BOOTSTRAP_ADMIN_CLIENT_ID", "KC_BOOTSTRAP_ADMIN_CLIENT_SECRET"].flatMap((name) => ["-e", name]);
  const image = `quay.io/keycloak/keycloak:${keycloakVersion}`;
  return ["run", "--rm", "-p", `127.0.0.1:${port}:8080`, ...secrets, image, "start-dev", ...buildOptions];
}

/** A port that was free a moment ago. Keycloak can't be told to take any and to say which. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}

async function ready(url: string, child: GuardedProcess, timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  let exited = false;
  child.exited.then(() => {
    exited = true;
  });
  while (!exited && Date.now() < deadline) {
    if (await answers(`${url}/realms/master`)) return;
    await delay(200);
  }
  throw new Error(exited ? "it exited" : `it was not ready after ${timeoutMs / 1000} s`);
}

async function answers(url: string): Promise<boolean> {
  try {
    const { statusCode, body } = await request(url, { signal: AbortSignal.timeout(5_000) });
    await body.dump();
    return statusCode === 200;
  } catch {
    return false;
  }
}

