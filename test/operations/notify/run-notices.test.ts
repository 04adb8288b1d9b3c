import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import { buildEvidence } from "#operations/evidence/build-evidence";
import { configureNotify, tellEnd, tellStart, told } from "#operations/notify/run-notices";
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
  test("without a webhook, or with one that is none, nothing is sent and nothing is said", async (t) => {
    const log = t.mock.method(console, "log", () => undefined);
    for (const text of [undefined, "", "{", '{"url":"ftp://x"}']) configureNotify(text);
    const { run } = runOf("none");
    tellStart(run);
    tellEnd(run, "failed");
    await told(run);
    assert.equal(log.mock.callCount(), 0);
  });

  test("start and end are told once each, however many phases tell them", async (t) => {
    const { heads } = await stage(t, take);
    const { run, evidence } = runOf("once");
    tellStart(run);
    tellStart(run);
    await told(run);
    tellEnd(run, "failed", evidence);
    tellEnd(run, "failed", evidence);
    await told(run);
    await told(run);
    assert.deepEqual(heads(), ["STARTED", "FAILED"]);
  });

  test("realms are told of one by one", async (t) => {
    const { heads } = await stage(t, take);
    for (const { run, evidence } of [runOf("shop"), runOf("bank")]) {
      tellStart(run);
      await told(run);
      tellEnd(run, "verified", evidence);
      await told(run);
    }
    assert.deepEqual(heads(), ["STARTED", "VERIFIED", "STARTED", "VERIFIED"]);
  });

  test("only what is asked for is told", async (t) => {
    const { heads } = await stage(t, take, ["failed"]);
    const [green, red] = [runOf("green"), runOf("red")];
    for (const { run } of [green, red]) tellStart(run);
    tellEnd(green.run, "verified", green.evidence);
    tellEnd(red.run, "failed", red.evidence);
    await Promise.all([told(green.run), told(red.run)]);
    assert.deepEqual(heads(), ["FAILED"]);
  });

  test("a start that the receiver still has not taken is given up for the end, without a warning", async (t) => {
    const asked = Promise.withResolvers<void>();
    const { heads, lines } = await stage(t, (response, _request, count) => {
      if (count === 1) asked.resolve();
      else sendJson(response, 200, {});
    });
    const { run, evidence } = runOf("slow");
    tellStart(run);
    await asked.promise;
    tellEnd(run, "verified", evidence);
    await told(run);
    assert.deepEqual([heads(), lines], [["STARTED", "VERIFIED"], []]);
  });

  test("a receiver that is down is one line for each message", async (t) => {
    const lines: string[] = [];
    t.mock.method(console, "log", (line: string) => lines.push(line));
    configureNotify(JSON.stringify({ url: `${await refusingUrl()}/services/secret` }));
    const { run, evidence } = runOf("down");
    tellStart(run);
    await told(run);
    tellEnd(run, "verified", evidence);
    await told(run);
    assert.equal(lines.length, 2);
    for (const line of lines) assert.match(line, /^\[notify\] warning: 127\.0\.0\.1:\d+ did not take/);
    assert.doesNotMatch(lines.join(), /services|secret/);
  });
});
