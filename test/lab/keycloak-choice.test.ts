import assert from "node:assert/strict";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { startKeycloak } from "../../scripts/lab/keycloak.ts";
import { containerLaunch } from "../../scripts/lab/keycloak-container.ts";
import { installationLaunch } from "../../scripts/lab/keycloak-launch.ts";

const names = [
  "PATH",
  "XDG_CACHE_HOME",
  "KEYCLOAK_HOME",
  "LAB_KEYCLOAK_URL",
  "LAB_KEYCLOAK_ADMIN_CLIENT_ID",
  "LAB_KEYCLOAK_ADMIN_CLIENT_SECRET",
];

describe("the choice of a Keycloak", () => {
  let directory = "";
  const kept = Object.fromEntries(names.map((name) => [name, process.env[name]]));

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "keycloak-choice-"));
    for (const name of names) delete process.env[name];
    Object.assign(process.env, { PATH: directory, XDG_CACHE_HOME: directory });
  });
  afterEach(async () => {
    for (const [name, value] of Object.entries(kept)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    await rm(directory, { recursive: true });
  });

  test("without Java and containers, the error says what to install", async () => {
    await assert.rejects(startKeycloak(), /java .* not on PATH.*neither docker nor podman.*Install a JDK/s);
  });

  test("with Java but without Maven, the error says what to install", async () => {
    await symlink("/bin/true", join(directory, "java"));
    await assert.rejects(startKeycloak(), /mvn is not on PATH.*Install a JDK \(17 or later\) and Maven/s);
  });

  test("a KEYCLOAK_HOME that is not a Keycloak is refused by name", async () => {
    await symlink("/bin/true", join(directory, "java"));
    process.env.KEYCLOAK_HOME = directory;
    await assert.rejects(startKeycloak(), /KEYCLOAK_HOME has no bin\/kc\.sh/);
  });

  test("a URL without its administrator's credentials is refused", async () => {
    process.env.LAB_KEYCLOAK_URL = "http://127.0.0.1:1";
    await assert.rejects(
      startKeycloak(),
      /set LAB_KEYCLOAK_ADMIN_CLIENT_ID and LAB_KEYCLOAK_ADMIN_CLIENT_SECRET/,
    );
  });
});

test("an installation is bound to loopback, without a cluster that would listen elsewhere", () => {
  const command = installationLaunch("/keycloak").command(4711);
  for (const argument of ["--http-host=127.0.0.1", "--http-port=4711", "--cache=local"]) {
    assert.ok(command.includes(argument), argument);
  }
});

test("a container is published on loopback, gets its secret without showing it in its arguments, and is killed by name", () => {
  const { command, cleanup } = containerLaunch("podman");
  const args = command(4711);
  assert.ok(args.includes("--publish=127.0.0.1:4711:8080"));
  assert.ok(args.includes("--env=KC_BOOTSTRAP_ADMIN_CLIENT_SECRET"));
  assert.ok(args.includes(`--name=${cleanup?.at(-1)}`));
  assert.deepEqual(cleanup?.slice(0, 2), ["podman", "kill"]);
});
