import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { Client } from "undici";
import { apiRefreshToken, refresh, refreshPath } from "../lab/sample-api/calls.ts";
import { type IssuerKey, issuerKey, startIssuer, type TestIssuer } from "../lab/sample-api/jwks-server.ts";
import { isAlive } from "../lab/sample-api/process-state.ts";
import { type Example, preforking, startExample } from "./example-server.ts";
import { missingFor, type StartedProgram } from "./program.ts";

const workers = 4;

for (const [title, example] of Object.entries(preforking)) {
  const missing = await missingFor(example);
  if (missing === undefined) describeWorkers(title, example);
  else
    describe(title, () => {
      test("is built and run", { skip: `this machine has no suitable ${missing}` });
    });
}

function describeWorkers(title: string, example: Example): void {
  describe(`four processes behind one port: ${title}`, () => {
    let issuer: TestIssuer;
    let api: StartedProgram;
    let directory: string;
    let oldKey: IssuerKey;
    let newKey: IssuerKey;

    before(async () => {
      [oldKey, newKey] = await Promise.all([issuerKey("old"), issuerKey("new")]);
      issuer = await startIssuer(oldKey);
      directory = await mkdtemp(join(tmpdir(), "workers-"));
      api = await startExample(example, {
        ISSUER: issuer.url,
        JWKS_URI: `${issuer.url}/jwks`,
        INTERNAL_JWKS_REFRESH_TOKEN: apiRefreshToken,
        JWKS_FILE: join(directory, "jwks.json"),
        WORKERS: String(workers),
        WEB_CONCURRENCY: String(workers),
      });
      // uvicorn names its port before a worker listens there.
      assert.equal((await statusesOf("no-token")).size, workers);
    });
    after(async () => {
      await api?.stop();
      await issuer?.stop();
      await rm(directory, { recursive: true, force: true });
    });
    beforeEach(async () => {
      issuer.published = [oldKey];
      assert.equal((await refresh(api)).status, 200);
    });

    /** What each process answers to a token, by its name: asked over new connections until all have been heard. */
    async function statusesOf(token: string): Promise<Map<string, Set<number>>> {
      const statuses = new Map<string, Set<number>>();
      const deadline = Date.now() + 20_000;
      while (statuses.size < workers && Date.now() < deadline) {
        const answers = await Promise.all(Array.from({ length: 2 * workers }, () => askAnew(api.url, token)));
        for (const { name, status } of answers.flatMap((answer) => answer ?? []))
          statuses.set(name, (statuses.get(name) ?? new Set()).add(status));
      }
      return statuses;
    }

    async function allAnswer(status: number, token: string): Promise<void> {
      const statuses = await statusesOf(token);
      assert.equal(statuses.size, workers, [...statuses.keys()].join());
      assert.deepEqual([...statuses.values()], Array(workers).fill(new Set([status])));
    }

    test("each names itself and says how many there are, whatever the status", async () => {
      for (const name of (await statusesOf("no-token")).keys()) assert.match(name, /^"\d+-\d+"; of=4$/);
      const refused = await refresh(api, "wrong");
      assert.equal(refused.status, 401);
      assert.match(String(refused.headers["jwks-process"]), /; of=4$/);
    });

    test("when one has answered the refresh, none accepts the retired key, and all accept the new one", async () => {
      const [canary, fresh] = await Promise.all([issuer.mint(oldKey), issuer.mint(newKey)]);
      await allAnswer(200, canary);
      issuer.published = [newKey];
      const { status, body } = await refresh(api);
      assert.deepEqual([status, (body as { kids: string[] }).kids], [200, ["new"]]);
      await allAnswer(401, canary);
      await allAnswer(200, fresh);
    });

    test("a refresh answers 502 if the issuer fails, and all keep their keys", async () => {
      issuer.failing = true;
      assert.equal((await refresh(api)).status, 502);
      issuer.failing = false;
      await allAnswer(200, await issuer.mint(oldKey));
    });

    test("refreshes that come at the same time are all answered", async () => {
      issuer.published = [newKey];
      const statuses = (await Promise.all(Array.from({ length: 6 }, () => refresh(api)))).map(
        (one) => one.status,
      );
      assert.deepEqual(statuses, Array(6).fill(200));
      await allAnswer(401, await issuer.mint(oldKey));
    });

    test("a worker that is killed is replaced by one of another name that has the keys of now", async () => {
      const names = [...(await statusesOf("no-token")).keys()];
      const pid = Number(/\d+/.exec(names[0] ?? "")?.[0]);
      process.kill(pid, "SIGKILL");
      issuer.published = [newKey];
      let refreshed: Awaited<ReturnType<typeof askAnew>>;
      do refreshed = await askAnew(api.url, apiRefreshToken, "POST", refreshPath);
      while (refreshed?.status !== 200);
      const canary = await issuer.mint(oldKey);
      let now: string[];
      do now = [...(await statusesOf(canary)).keys()];
      while (isAlive(pid));
      assert.ok(!now.includes(names[0] ?? ""));
      await allAnswer(401, canary);
      await allAnswer(200, await issuer.mint(newKey));
    });
  });
}

/** One request over a connection of its own; undefined where it is lost, with a process that ends or does not listen yet. */
async function askAnew(
  url: string,
  token: string,
  method: "GET" | "POST" = "GET",
  path = "/api/me",
): Promise<{ name: string; status: number } | undefined> {
  const client = new Client(url);
  try {
    const answer = await client.request({
      path,
      method,
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(5_000),
    });
    await answer.body.dump();
    return { name: String(answer.headers["jwks-process"]), status: answer.statusCode };
  } catch {
    return undefined;
  } finally {
    await client.destroy();
  }
}
