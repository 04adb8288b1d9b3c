import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import { decodeProtectedHeader } from "jose";
import { missingFor } from "../examples/program.ts";
import { until } from "../lab/engine/world.ts";
import { isAlive } from "../lab/sample-api/process-state.ts";
import { realRealms } from "../operations/real-realm.ts";
import {
  type ProcessServer,
  type ProcessServerKind,
  type ProcessServerOptions,
  processServers,
  startProcessServer,
} from "./servers.ts";
import { type Answers, askOverNewConnections } from "./witness.ts";

const realmFor = realRealms();
const apiRefreshToken = "refresh-me";

/** A server over a realm of its own, and what the realm's administrator does. */
async function serverFor(
  t: TestContext,
  kind: ProcessServerKind,
  options: Pick<ProcessServerOptions, "header" | "refresh">,
) {
  const { realm, lab } = await realmFor(t);
  const client = await lab.createClient(realm.name, "frontend");
  const server = await startProcessServer(kind, { issuer: realm.issuer, apiRefreshToken, ...options });
  t.after(() => server.stop());
  return {
    server,
    mint: () => lab.mint(realm.name, client),
    /** Makes a new signing key, and disables the one that signed the token. */
    replaceKeyOf: async (token: string) => {
      const { kid } = decodeProtectedHeader(token);
      const old = (await lab.keys(realm.name)).keys.find((key) => key.kid === kid);
      assert.ok(old);
      await lab.createKey(realm.name, "new", "rsa-generated", { priority: "200" });
      await lab.setKey(realm.name, old.providerId, { enabled: "false", active: "false" });
    },
  };
}

async function refresh({ url }: ProcessServer, token = apiRefreshToken): Promise<number> {
  const headers = { authorization: `Bearer ${token}` };
  const { status, body } = await fetch(`${url}/internal/auth/jwks/refresh`, { method: "POST", headers });
  await body?.cancel();
  return status;
}

/** Which process takes a connection is up to the server and the kernel: asks until each has answered. */
async function askEachProcess({ url, workers }: ProcessServer, token: string): Promise<Map<string, Answers>> {
  const seen = new Map<string, Answers>();
  for (let round = 1; seen.size < workers; round += 1) {
    assert.ok(round <= 500, `only ${[...seen.keys()].join(", ")} have answered`);
    const { other, byProcess } = await askOverNewConnections(url, token, { atOnce: 8 });
    assert.equal(other, 0);
    for (const [name, answers] of byProcess) seen.set(name, answers);
  }
  return seen;
}

/** How many processes accept a token; each of them either accepts or rejects it, always. */
async function accepting(server: ProcessServer, token: string): Promise<number> {
  const seen = [...(await askEachProcess(server, token)).values()];
  assert.ok(seen.every(({ accepted, rejected }) => accepted === 0 || rejected === 0));
  return seen.filter(({ accepted }) => accepted > 0).length;
}

for (const { kind, needs } of processServers) {
  const missing = await missingFor({ needs });
  const skip = missing !== undefined && `this machine has no suitable ${missing}`;

  suite(`${kind}, a real server of several processes`, { skip }, () => {
    test("a refresh of one process leaves the others with a dead key", async (t) => {
      const { server, mint, replaceKeyOf } = await serverFor(t, kind, { header: true, refresh: "one" });
      const old = await mint();
      const seen = await askEachProcess(server, old);
      const pids = await server.pids();
      assert.deepEqual([...seen.keys()].toSorted(), pids.map((pid) => `${pid}; of=4`).toSorted());
      assert.equal(await accepting(server, old), 4);
      await replaceKeyOf(old);
      assert.equal(await accepting(server, old), 4);
      assert.equal(await refresh(server), 200);
      assert.equal(await accepting(server, old), 3);
      await server.stop();
      await until(() => !pids.some(isAlive), "its processes end with it");
    });

    test("a refresh of all processes ends the dead key in each", async (t) => {
      const { server, mint, replaceKeyOf } = await serverFor(t, kind, { header: true, refresh: "all" });
      const old = await mint();
      assert.equal(await refresh(server, "wrong"), 401);
      await replaceKeyOf(old);
      assert.equal(await accepting(server, old), 4);
      // One that comes to a worker that is just being replaced is told to ask again.
      const statuses = await Promise.all(Array.from({ length: 8 }, () => refresh(server)));
      assert.ok(statuses.includes(200));
      assert.deepEqual(
        statuses.filter((status) => status !== 200 && status !== 503),
        [],
      );
      assert.equal(await accepting(server, old), 0);
      assert.equal(await accepting(server, await mint()), 4);
    });

    test("without the header no answer names its process, and without the refresh it is not there", async (t) => {
      const { server, mint } = await serverFor(t, kind, { header: false, refresh: "none" });
      assert.deepEqual(await askOverNewConnections(server.url, await mint()), {
        ...{ accepted: 40, rejected: 0, other: 0 },
        byProcess: new Map(),
      });
      assert.equal(await refresh(server), 404);
    });
  });
}
