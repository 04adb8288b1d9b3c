import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import {
  exchange,
  fetchAdminToken,
  type KeycloakConnection,
  type LabKeycloak,
} from "./keycloak-connection.ts";
import { jvmEnvironment } from "./keycloak-jvm.ts";
import { type GuardedProcess, logTail, startGuarded } from "./process.ts";

/** How to start one Keycloak on a port. Secrets are in its environment, never in its arguments. */
export interface Launch {
  readonly startedBy: LabKeycloak["startedBy"];
  command(port: number): readonly [string, ...string[]];
  /** @param temporary a directory that goes when it stops */
  env(temporary: string): NodeJS.ProcessEnv;
  /** Undoes what killing the process does not. */
  readonly cleanup?: readonly string[];
}

const startDeadlineMs = 180_000;
const attempts = 3;

/**
 * Starts an installation that `kc.sh build` has prepared. Its database is in memory.
 *
 * @param forManyRealms starts later, and makes keys faster. Default: false
 */
export function installationLaunch(home: string, forManyRealms = false): Launch {
  return {
    startedBy: "installation",
    env: (temporary) => jvmEnvironment(temporary, !forManyRealms),
    command: (port) => [
      "sh",
      join(home, "bin", "kc.sh"),
      "start",
      "--optimized",
      // Not built in: without it, a cluster member listens on every interface.
      "--cache=local",
      "--http-enabled=true",
      "--hostname-strict=false",
      "--http-host=127.0.0.1",
      `--http-port=${port}`,
    ],
  };
}

/** Starts Keycloak on a free port and waits until it serves its administrator. */
export async function launchKeycloak(
  launch: Launch,
  onProgress: (line: string) => void,
): Promise<LabKeycloak> {
  const directory = await mkdtemp(join(tmpdir(), "lab-keycloak-"));
  const adminClientSecret = randomBytes(24).toString("base64url");
  const startedAt = Date.now();
  onProgress("Keycloak: starting");
  for (let attempt = 1; ; attempt++) {
    const logFile = join(directory, `keycloak-${attempt}.log`);
    const port = await freePort();
    const connection = { url: `http://127.0.0.1:${port}`, adminClientId: "lab-admin", adminClientSecret };
    const server = startServer(launch, connection, port, logFile);
    const stop = async () => {
      await server.stop();
      // A JVM that was killed just now may still hold the directory.
      await rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
    };
    if (await becomesReady(server, connection)) {
      onProgress(
        `Keycloak: ready at ${connection.url} after ${((Date.now() - startedAt) / 1000).toFixed(1)} s`,
      );
      return { ...connection, startedBy: launch.startedBy, stop };
    }
    const tail = await logTail(logFile);
    const reason = server.running ? `was not ready within ${startDeadlineMs / 1000} s` : "ended at its start";
    const collided = /already in use|already bound|port is already allocated/i.test(tail);
    if (!collided || attempt === attempts) {
      await stop();
      throw new Error(`Keycloak ${reason}. The end of its log:\n${tail}`);
    }
    await server.stop();
  }
}

function startServer(
  launch: Launch,
  connection: KeycloakConnection,
  port: number,
  logFile: string,
): GuardedProcess {
  const [program, ...args] = launch.command(port);
  return startGuarded(program, args, {
    logFile,
    ...(launch.cleanup ? { cleanup: launch.cleanup } : {}),
    env: {
      ...process.env,
      ...launch.env(dirname(logFile)),
      KC_BOOTSTRAP_ADMIN_CLIENT_ID: connection.adminClientId,
      KC_BOOTSTRAP_ADMIN_CLIENT_SECRET: connection.adminClientSecret,
    },
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no free port on loopback");
  return address.port;
}

/** False where the process ended, or the deadline passed, before the administrator got a token. */
async function becomesReady(server: GuardedProcess, connection: KeycloakConnection): Promise<boolean> {
  const deadline = Date.now() + startDeadlineMs;
  while (server.running && Date.now() < deadline) {
    if (await answers(connection)) return true;
    await pause(100);
  }
  return false;
}

async function answers(connection: KeycloakConnection): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(10_000);
    const { status } = await exchange(`${connection.url}/realms/master`, { signal });
    if (status !== 200) return false;
    await fetchAdminToken(connection);
    return true;
  } catch {
    return false;
  }
}
