import { randomUUID } from "node:crypto";
import { run } from "./keycloak-command.ts";
import { keycloakVersion } from "./keycloak-distribution.ts";
import type { Launch } from "./keycloak-launch.ts";

/** A container runtime that is installed and whose daemon, if it needs one, answers. */
export async function findContainerRuntime(): Promise<string | undefined> {
  for (const runtime of ["docker", "podman"]) {
    const { code } = await run(runtime, ["info"], { timeoutMs: 15_000 });
    if (code === 0) return runtime;
  }
  return undefined;
}

/** Starts Keycloak's image (LAB_KEYCLOAK_IMAGE, default the published one), its port on loopback only. */
export function containerLaunch(runtime: string): Launch {
  const name = `lab-keycloak-${randomUUID()}`;
  const image = process.env.LAB_KEYCLOAK_IMAGE || `keycloak/keycloak:${keycloakVersion}`;
  return {
    startedBy: "container",
    env: () => ({}),
    cleanup: [runtime, "kill", name],
    command: (port) => [
      runtime,
      "run",
      "--rm",
      `--name=${name}`,
      `--publish=127.0.0.1:${port}:8080`,
      // Without a value: the runtime takes it from its own environment, so that no process list shows it.
      "--env=KC_BOOTSTRAP_ADMIN_CLIENT_ID",
      "--env=KC_BOOTSTRAP_ADMIN_CLIENT_SECRET",
      image,
      "start-dev",
      "--cache=local",
    ],
  };
}
