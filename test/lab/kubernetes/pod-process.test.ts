import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { Client } from "undici";
import { CriLog } from "../../../scripts/lab/kubernetes/cri-log.ts";
import { podAddress } from "../../../scripts/lab/kubernetes/pod-address.ts";
import { PodProcess } from "../../../scripts/lab/kubernetes/pod-process.ts";
import { issuerKey, startIssuer } from "../sample-api/jwks-server.ts";
import { isAlive } from "../sample-api/process-state.ts";

test("a pod's process can be several behind its port: they serve when they are said to, and end with it", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "pod-process-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const issuer = await startIssuer(await issuerKey("key"));
  t.after(() => issuer.stop());
  const address = await podAddress(8080);
  const log = new CriLog(join(directory, "log"));
  const pod = new PodProcess({ env: { ISSUER: issuer.url }, address, log });
  t.after(() => pod.stop(0));
  const url = `http://${address.host}:${address.port}`;
  while (!(await isReady(url))) await pause(20);

  await pod.misbehave("workers:2");

  const names = await Promise.all([nameAt(url), nameAt(url)]);
  for (const name of names) assert.match(name, /^p\d+-\d+; of=2$/);
  const pids = names.map((name) => Number(name.slice(1).split("-")[0]));
  assert.equal(new Set(pids).size, 2);
  await pod.stop(0);
  const deadline = Date.now() + 10_000;
  while (pids.some(isAlive) && Date.now() < deadline) await pause(20);
  assert.deepEqual(pids.map(isAlive), [false, false]);
});

async function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/healthz`).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** The name of the process that a new connection leads to. */
async function nameAt(url: string): Promise<string> {
  const client = new Client(url);
  const answer = await client.request({ path: "/api/me", method: "GET" });
  await answer.body.dump();
  await client.close();
  return String(answer.headers["jwks-process"]);
}
