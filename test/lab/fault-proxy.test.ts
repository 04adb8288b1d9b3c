import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import { exchange } from "#operations/base/http";
import { type FaultProxy, type FaultProxyOptions, startFaultProxy } from "../../scripts/lab/fault-proxy.ts";
import { serve } from "../operations/loopback-server.ts";

async function proxied(t: TestContext, options: FaultProxyOptions = {}) {
  const server = await serve(t, (response, { method, body }) => {
    response.writeHead(201, { "x-of": "server" }).end(`${method} ${body}`);
  });
  const proxy = await startFaultProxy(server.url, options);
  t.after(() => proxy.stop());
  return { server, proxy };
}

const ask = ({ url }: FaultProxy, timeoutMs = 5_000) => exchange(`${url}/a?secret=1`, { timeoutMs });

suite("startFaultProxy", () => {
  test("requests and answers go through as they are, with the host that was asked for", async (t) => {
    const { server, proxy } = await proxied(t);
    const { status, body } = await exchange(`${proxy.url}/path?q=1`, {
      method: "PUT",
      headers: { authorization: "Bearer t" },
      body: "text",
      timeoutMs: 5_000,
    });
    assert.deepEqual([status, body], [201, "PUT text"]);
    const [{ url, headers } = { url: "", headers: {} }] = server.received;
    assert.deepEqual(
      [url, headers.authorization, `http://${headers.host}`],
      ["/path?q=1", "Bearer t", proxy.url],
    );
  });

  test("it notes method and path of each request, and neither query nor body nor token", async (t) => {
    const { proxy } = await proxied(t);
    await ask(proxy);
    await exchange(`${proxy.url}/b`, { method: "POST", body: "secret", timeoutMs: 5_000 });
    assert.deepEqual(proxy.requests, [
      { method: "GET", path: "/a" },
      { method: "POST", path: "/b" },
    ]);
  });

  test("the n-th request fails once, and is not passed on", async (t) => {
    const { server, proxy } = await proxied(t);
    proxy.failOnce(2, { kind: "status", status: 502 });
    const statuses = [];
    for (let n = 0; n < 3; n += 1) statuses.push((await ask(proxy)).status);
    assert.deepEqual([statuses, server.received.length], [[201, 502, 201], 2]);
  });

  test("counting begins anew with each fault that is set", async (t) => {
    const { proxy } = await proxied(t);
    await ask(proxy);
    proxy.failOnce(1, { kind: "status", status: 503 });
    assert.equal((await ask(proxy)).status, 503);
    assert.deepEqual([proxy.requests.length, proxy.hasFailed], [1, true]);
    proxy.failOnce(9, { kind: "reset" });
    assert.equal(proxy.hasFailed, false);
  });

  test("a reset breaks the connection before the request is passed on", async (t) => {
    const { server, proxy } = await proxied(t);
    proxy.failOnce(1, { kind: "reset" });
    await assert.rejects(ask(proxy), { name: "NoAnswerError", kind: "broken" });
    assert.equal(server.received.length, 0);
    assert.equal((await ask(proxy)).status, 201);
  });

  test("a lost answer breaks it after the request had its effect", async (t) => {
    const { server, proxy } = await proxied(t);
    proxy.failOnce(1, { kind: "lost-answer" });
    await assert.rejects(ask(proxy), { name: "NoAnswerError", kind: "broken" });
    assert.equal(server.received.length, 1);
  });

  test("a delay holds the answer for as long as it says", async (t) => {
    const asked: number[] = [];
    const over = Promise.withResolvers<void>();
    const { server, proxy } = await proxied(t, {
      delay: (ms) => {
        asked.push(ms);
        return over.promise;
      },
    });
    proxy.failOnce(1, { kind: "delay", ms: 20_000 });
    await assert.rejects(ask(proxy, 50), { kind: "timeout" });
    assert.deepEqual([asked, server.received.length], [[20_000], 1]);
    over.resolve();
    assert.equal((await ask(proxy)).status, 201);
  });

  test("each request that matches fails until something else is to fail", async (t) => {
    const { proxy } = await proxied(t);
    proxy.failWhere(({ path }) => path === "/a", { kind: "status", status: 503 });
    const statuses = [];
    for (let n = 0; n < 2; n += 1) statuses.push((await ask(proxy)).status);
    statuses.push((await exchange(`${proxy.url}/b`, { timeoutMs: 5_000 })).status);
    proxy.failWhere(() => false, { kind: "reset" });
    statuses.push((await ask(proxy)).status);
    assert.deepEqual(statuses, [503, 503, 201, 201]);
  });

  test("a server that is down is a 502", async (t) => {
    const proxy = await startFaultProxy("http://127.0.0.1:1");
    t.after(() => proxy.stop());
    assert.equal((await ask(proxy)).status, 502);
  });
});
