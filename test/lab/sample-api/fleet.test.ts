import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { parseMisbehave, startFleet } from "../../../scripts/lab/fleet.ts";
import { misbehaviours } from "../../../scripts/lab/sample-api/misbehaviour.ts";
import { apiRefreshToken, call, probe, refresh } from "./calls.ts";
import { type IssuerKey, issuerKey, startIssuer, type TestIssuer } from "./jwks-server.ts";
import { isAlive } from "./process-state.ts";

const fleetModule = new URL("../../../scripts/lab/fleet.ts", import.meta.url).href;

describe("a fleet", () => {
  let issuer: TestIssuer;
  let oldKey: IssuerKey;
  before(async () => {
    oldKey = await issuerKey("old");
    issuer = await startIssuer(oldKey);
  });
  after(() => issuer?.stop());

  test("its last instances misbehave as configured, the others keep the contract", async () => {
    const misbehave = [parseMisbehave("error-500"), parseMisbehave("hang:1")];
    const fleet = await startFleet({ count: 3, issuer: issuer.url, apiRefreshToken, misbehave });
    try {
      assert.deepEqual(
        fleet.instances.map(({ name, behaviour }) => [name, behaviour]),
        [
          ["api-1", "none"],
          ["api-2", "error-500"],
          ["api-3", "hang"],
        ],
      );
      const statuses = fleet.instances.slice(0, 2).map(async (instance) => (await refresh(instance)).status);
      assert.deepEqual(await Promise.all(statuses), [200, 500]);
      assert.equal(new Set(fleet.instances.map(({ url }) => url)).size, 3);
    } finally {
      await fleet.stop();
    }
    for (const { pid } of fleet.instances) assert.equal(pid, undefined);
  });

  test("a restarted instance has the same address, another process, and a cache from a new bootstrap", async () => {
    issuer.published = [oldKey];
    const fleet = await startFleet({ count: 1, issuer: issuer.url, apiRefreshToken });
    try {
      const [api] = fleet.instances;
      assert.ok(api);
      const { url, pid } = api;
      const canary = await issuer.mint(oldKey);
      assert.equal(await probe(api, canary), 200);
      issuer.published = [await issuerKey("new")];
      await api.restart();
      assert.equal(api.url, url);
      assert.notEqual(api.pid, pid);
      assert.equal(await probe(api, canary), 401);
      assert.ok((await api.log()).some((line) => line.includes('JWKS bootstrap ok kids=["new"]')));
    } finally {
      await fleet.stop();
    }
  });

  test("an instance can start as several processes", async () => {
    issuer.published = [oldKey];
    const misbehave = [parseMisbehave("workers:2:shared")];
    const fleet = await startFleet({ count: 1, issuer: issuer.url, apiRefreshToken, misbehave });
    try {
      const [api] = fleet.instances;
      assert.ok(api);
      assert.match(String((await refresh(api)).headers["jwks-process"]), /; of=2$/);
    } finally {
      await fleet.stop();
    }
  });

  test("without a refresh token there is no internal operation", async () => {
    const fleet = await startFleet({ count: 1, issuer: issuer.url });
    try {
      const [api] = fleet.instances;
      assert.ok(api);
      assert.equal((await refresh(api)).status, 404);
      assert.equal((await call(api, "PUT", "/internal/admin/freeze", apiRefreshToken)).status, 404);
    } finally {
      await fleet.stop();
    }
  });

  test("a wrong environment is reported with all its problems", async () => {
    const env = { ADMIN_ROLE: "admin", CACHE_MAX_AGE_MS: "long" };
    await assert.rejects(
      startFleet({ count: 1, issuer: "no-url", env }),
      /api-1 did not start.*ISSUER.*CACHE_MAX_AGE_MS/s,
    );
  });

  test("all its processes die when its parent is killed", async () => {
    issuer.published = [oldKey];
    const directory = await mkdtemp(join(tmpdir(), "fleet-parent-"));
    const script = join(directory, "parent.mjs");
    await writeFile(
      script,
      `import { startFleet } from ${JSON.stringify(fleetModule)};
       const { instances } = await startFleet({ count: 2, issuer: ${JSON.stringify(issuer.url)} });
       console.log(JSON.stringify(instances.map(({ pid }) => pid)));`,
    );
    const parent = spawn(process.execPath, [script], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, TMPDIR: directory },
    });
    try {
      const [line] = (await once(createInterface({ input: parent.stdout }), "line")) as [string];
      const pids = JSON.parse(line) as number[];
      assert.deepEqual(pids.map(isAlive), [true, true]);
      parent.kill("SIGKILL");
      const deadline = Date.now() + 10_000;
      while (pids.some(isAlive) && Date.now() < deadline) await pause(20);
      assert.deepEqual(pids.map(isAlive), [false, false]);
    } finally {
      parent.kill("SIGKILL");
      await rm(directory, { recursive: true });
    }
  });
});

describe("--misbehave", () => {
  test("KIND:COUNT is read, and the default count is 1", () => {
    assert.deepEqual(parseMisbehave("keep-cache:2"), { kind: "keep-cache", count: 2 });
    for (const kind of misbehaviours) assert.deepEqual(parseMisbehave(kind), { kind, count: 1 });
  });

  test("the count of processes belongs to the kind: each is one instance", () => {
    for (const kind of ["prefork:4", "workers:2", "workers:32:shared", "workers:3:unnamed"] as const)
      assert.deepEqual(parseMisbehave(kind), { kind, count: 1 });
  });

  test("fewer than 2 processes, more than 32, or no number are refused", () => {
    for (const text of [
      "prefork",
      "prefork:1",
      "prefork:33",
      "prefork:x",
      "prefork:4:shared",
      "workers:4:alone",
    ])
      assert.throws(() => parseMisbehave(text), /prefork:COUNT.*2 to 32 processes/, text);
  });

  test("an unknown kind is refused with the list of known kinds", () => {
    assert.throws(
      () => parseMisbehave("sulk:1"),
      (error: Error) =>
        misbehaviours.every((kind) => error.message.includes(kind)) &&
        error.message.includes("prefork:COUNT") &&
        error.message.includes("sulk"),
    );
    assert.throws(() => parseMisbehave("none"));
  });

  test("an invalid count is refused", () => {
    for (const text of ["hang:0", "hang:-1", "hang:1.5", "hang:", "hang:x", "hang:1:1"]) {
      assert.throws(() => parseMisbehave(text), /KIND:COUNT/, text);
    }
  });
});
