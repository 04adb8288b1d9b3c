import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import { buildEvidence } from "#operations/evidence/build-evidence";
import { configureNotify, notificationsSent, notifyEnd, notifyStart } from "#operations/notify/run-notices";
import { type Answer, refusingUrl, sendJson, serve } from "../loopback-server.ts";
import { at, findings, runContext } from "../samples.ts";

/** A realm of its own for each test: a process tells each message of a realm once. */
function runOf(realm: string) {
  const run = { ...runContext("evidence"), realm, realms: [realm] };
  return { run, evidence: buildEvidence(run, findings(), at(60)) };
}

async function stage(t: TestContext, answer: Answer, on?: string[]) {
  const lines: string[] = [];
  t.mock.method(console, "log", (line: string) => lines.push(line));
  const { url, received } = await serve(t, answer);
  configureNotify(JSON.stringify({ url, ...(on ? { on } : {}) }));
  const heads = () =>
    received.map(({ body }) => /^\w+/.exec((JSON.parse(body) as { text: string }).text)?.[0]);
  return { lines, heads };
}

const take: Answer = (response) => sendJson(response, 200, {});

suite("the messages of a run", () => {
  test("without a webhook, or with an invalid one, nothing is sent and nothing is printed", async (t) => {
    const log = t.mock.method(console, "log", () => undefined);
    for (const text of [undefined, "", "{", '{"url":"ftp://x"}']) configureNotify(text);
    const { run } = runOf("none");
    notifyStart(run);
    notifyEnd(run, "failed");
    await notificationsSent(run);
    assert.equal(log.mock.callCount(), 0);
  });

  test("start and result are sent once each, however many phases report them", async (t) => {
    const { heads } = await stage(t, take);
    const { run, evidence } = runOf("once");
    notifyStart(run);
    notifyStart(run);
    await notificationsSent(run);
    notifyEnd(run, "failed", evidence);
    notifyEnd(run, "failed", evidence);
    await notificationsSent(run);
    await notificationsSent(run);
    assert.deepEqual(heads(), ["STARTED", "FAILED"]);
  });

  test("each realm has its own messages", async (t) => {
    const { heads } = await stage(t, take);
    for (const { run, evidence } of [runOf("shop"), runOf("bank")]) {
      notifyStart(run);
      await notificationsSent(run);
      notifyEnd(run, "verified", evidence);
      await notificationsSent(run);
    }
    assert.deepEqual(heads(), ["STARTED", "VERIFIED", "STARTED", "VERIFIED"]);
  });

  test("only the configured messages are sent", async (t) => {
    const { heads } = await stage(t, take, ["failed"]);
    const [green, red] = [runOf("green"), runOf("red")];
    for (const { run } of [green, red]) notifyStart(run);
    notifyEnd(green.run, "verified", green.evidence);
    notifyEnd(red.run, "failed", red.evidence);
    await Promise.all([notificationsSent(green.run), notificationsSent(red.run)]);
    assert.deepEqual(heads(), ["FAILED"]);
  });

  test("a start message that the receiver has not accepted yet is dropped for the result, without a warning", async (t) => {
    const asked = Promise.withResolvers<void>();
    const { heads, lines } = await stage(t, (response, _request, count) => {
      if (count === 1) asked.resolve();
      else sendJson(response, 200, {});
    });
    const { run, evidence } = runOf("slow");
    notifyStart(run);
    await asked.promise;
    notifyEnd(run, "verified", evidence);
    await notificationsSent(run);
    assert.deepEqual([heads(), lines], [["STARTED", "VERIFIED"], []]);
  });

  test("a receiver that is down produces one line for each message", async (t) => {
    const lines: string[] = [];
    t.mock.method(console, "log", (line: string) => lines.push(line));
    configureNotify(JSON.stringify({ url: `${await refusingUrl()}/services/secret` }));
    const { run, evidence } = runOf("down");
    notifyStart(run);
    await notificationsSent(run);
    notifyEnd(run, "verified", evidence);
    await notificationsSent(run);
    assert.equal(lines.length, 2);
    for (const line of lines) assert.match(line, /^\[notify\] warning: 127\.0\.0\.1:\d+ did not accept/);
    assert.doesNotMatch(lines.join(), /services|secret/);
  });
});
