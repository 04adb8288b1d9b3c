import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { Client } from "undici";
import type { Fleet, FleetInstance } from "../../../scripts/lab/fleet.ts";
import { apiRefreshToken, call, refresh, startLone } from "./calls.ts";
import { type IssuerKey, issuerKey, startIssuer, type TestIssuer } from "./jwks-server.ts";
import { isAlive } from "./process-state.ts";

interface ProcessAnswer {
  status: number;
  name: string | undefined;
}

describe("an instance of several processes behind one port", () => {
  let issuer: TestIssuer;
  let fleet: Fleet;
  let api: FleetInstance;
  let oldKey: IssuerKey;
  let newKey: IssuerKey;
  let canary: string;

  before(async () => {
    [oldKey, newKey] = await Promise.all([issuerKey("old"), issuerKey("new")]);
    issuer = await startIssuer(oldKey);
    ({ fleet, api } = await startLone(issuer.url));
  });
  after(async () => {
    await fleet?.stop();
    await issuer?.stop();
  });
  beforeEach(async () => {
    issuer.published = [oldKey];
    canary = await issuer.mint(oldKey, { sid: "s1", realm_access: { roles: ["admin"] } });
  });

  /** Asks over so many connections that are open at the same time: each leads to the next process. */
  async function ask(connections: number, path = "/api/me", token = canary): Promise<ProcessAnswer[]> {
    const clients = Array.from({ length: connections }, () => new Client(api.url));
    const answers: ProcessAnswer[] = [];
    try {
      for (const client of clients) {
        const authorization = `Bearer ${token}`;
        const answer = await client.request({ path, method: "GET", headers: { authorization } });
        await answer.body.dump();
        answers.push({
          status: answer.statusCode,
          name: answer.headers["jwks-process"] as string | undefined,
        });
      }
      return answers;
    } finally {
      await Promise.all(clients.map((client) => client.close()));
    }
  }

  const namesOf = (answers: readonly ProcessAnswer[]) => [...new Set(answers.map(({ name }) => name))];
  const pidOf = (name: string | undefined) => Number(/^p(\d+)-/.exec(name ?? "")?.[1]);

  test("each process names itself and says how many there are, and a refresh reaches only one of them", async () => {
    await api.misbehave("workers:3");
    const names = namesOf(await ask(6));
    assert.equal(names.length, 3);
    for (const name of names) assert.match(name ?? "", /^p\d+-\d+; of=3$/);
    issuer.published = [newKey];
    const { status, headers } = await refresh(api);
    assert.equal(status, 200);
    const refusing = (await ask(6)).filter((answer) => answer.status === 401);
    assert.deepEqual(namesOf(refusing), [headers["jwks-process"]]);
  });

  test("workers:N:shared passes a refresh, a denied session and a freeze on to all processes", async () => {
    await api.misbehave("workers:3:shared");
    const entry = "/internal/auth/deny-list/s1";
    assert.equal((await call(api, "PUT", entry, apiRefreshToken)).status, 204);
    assert.ok((await ask(3, "/api/admin")).every(({ status }) => status === 403));
    assert.equal((await call(api, "DELETE", entry, apiRefreshToken)).status, 204);
    assert.ok((await ask(3, "/api/admin")).every(({ status }) => status === 200));
    issuer.published = [newKey];
    issuer.failing = true;
    assert.equal((await refresh(api)).status, 502);
    assert.ok((await ask(3)).every(({ status }) => status === 200));
    issuer.failing = false;
    assert.equal((await refresh(api)).status, 200);
    const answers = await ask(6);
    assert.ok(answers.every(({ status }) => status === 401));
    assert.equal(namesOf(answers).length, 3);
  });

  test("prefork:N is N processes that name neither themselves nor their number", async () => {
    await api.misbehave("prefork:4");
    issuer.published = [newKey];
    assert.equal((await refresh(api)).status, 200);
    const answers = await ask(8);
    assert.deepEqual(namesOf(answers), [undefined]);
    assert.equal(answers.filter(({ status }) => status === 200).length, 6);
  });

  test("a process that ends is replaced by one of another name", async () => {
    await api.misbehave("workers:2");
    const names = namesOf(await ask(4));
    process.kill(pidOf(names[0]), "SIGKILL");
    let now: (string | undefined)[];
    do {
      await pause(20);
      now = namesOf(await ask(4));
    } while (now.includes(names[0]) || now.length < 2);
    assert.ok(now.includes(names[1]));
    assert.equal(new Set([...names, ...now]).size, 3);
  });

  test("it is a single process again once it is repaired, which sends no name with `unnamed`", async () => {
    await api.misbehave("workers:2");
    const workers = namesOf(await ask(4)).map(pidOf);
    await api.misbehave("none");
    assert.deepEqual(workers.map(isAlive), [false, false]);
    const [name, ...others] = namesOf(await ask(4));
    assert.deepEqual([pidOf(name), others], [api.pid, []]);
    assert.match(name ?? "", /; of=1$/);
    await api.misbehave("unnamed");
    assert.deepEqual(namesOf(await ask(2)), [undefined]);
  });

  test("its processes end with it, even by kill -9, and it starts again at the same address", async () => {
    await api.misbehave("workers:2");
    const workers = namesOf(await ask(4)).map(pidOf);
    await api.stop();
    const deadline = Date.now() + 10_000;
    while (workers.some(isAlive) && Date.now() < deadline) await pause(20);
    assert.deepEqual(workers.map(isAlive), [false, false]);
    await api.start();
    const names = namesOf(await ask(4));
    assert.equal(names.length, 2);
    assert.ok(names.every((name) => !workers.includes(pidOf(name))));
  });
});
