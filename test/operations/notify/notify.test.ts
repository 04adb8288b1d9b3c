import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { defaultTiming, describeFailure, type NotifyOutcome, notify } from "#operations/notify/notify";
import { refusingUrl, sendJson, serve } from "../loopback-server.ts";

const message = { text: "VERIFIED: rotation 8 of realm shop" };
const quick = { ...defaultTiming, timeoutMs: 200, backoffMs: 1 };
const secretPath = "/services/T000/B000/0123456789abcdef";

function line(outcome: NotifyOutcome): string {
  assert.equal(outcome.kind, "failed");
  return outcome.kind === "failed" ? describeFailure(outcome) : "";
}

/** Sends to a receiver that answers with these statuses, and then always with the last one. */
async function sendTo(t: Parameters<typeof serve>[0], statuses: number[], headers = {}) {
  const { url, received } = await serve(t, (response, _request, count) => {
    response.writeHead(statuses[Math.min(count, statuses.length) - 1] ?? 200, headers).end();
  });
  return { outcome: await notify({ url: url + secretPath }, message, quick), received, url };
}

suite("notify", () => {
  test("a receiver that accepts the message gets it once, as JSON", async (t) => {
    const { outcome, received, url } = await sendTo(t, [200]);
    assert.deepEqual(outcome, { kind: "sent", host: new URL(url).host, attempts: 1, status: 200 });
    const [{ method, headers, body } = assert.fail()] = received;
    assert.deepEqual([method, received.length, JSON.parse(body)], ["POST", 1, message]);
    assert.match(headers["content-type"] ?? "", /^application\/json/);
  });

  test("a receiver that answers 500 once gets it again", async (t) => {
    const { outcome, received } = await sendTo(t, [500, 200]);
    assert.deepEqual([outcome.kind, outcome.attempts, received.length], ["sent", 2, 2]);
  });

  test("a receiver that always answers 500 gets three attempts", async (t) => {
    const { outcome, received } = await sendTo(t, [500]);
    assert.equal(received.length, 3);
    assert.match(
      line(outcome),
      /did not accept the message \(HTTP 500, 3 attempts\).*Next: check notify\.url/,
    );
  });

  test("a refusal is not repeated", async (t) => {
    const { outcome, received } = await sendTo(t, [404]);
    assert.deepEqual([outcome.kind, received.length], ["failed", 1]);
    assert.match(line(outcome), /HTTP 404, 1 attempt\)/);
  });

  test("a redirect is not followed, because the URL is a secret", async (t) => {
    const other = await serve(t, (response) => sendJson(response, 200, {}));
    const { outcome, received } = await sendTo(t, [307], { location: other.url });
    assert.deepEqual([received.length, other.received.length], [1, 0]);
    assert.match(line(outcome), /HTTP 307, a redirect, not followed/);
  });

  test("the wait that a 429 asks for in Retry-After is kept", async (t) => {
    const at: number[] = [];
    const { url } = await serve(t, (response, _request, count) => {
      at.push(performance.now());
      response.writeHead(count === 1 ? 429 : 200, { "retry-after": "1" }).end();
    });
    assert.equal((await notify({ url }, message, quick)).kind, "sent");
    const [first = 0, second = 0] = at;
    assert.ok(second - first >= 990, `${second - first} ms`);
  });

  test("where a 429 asks for too long a wait, there is no further attempt", async (t) => {
    const { outcome, received } = await sendTo(t, [429], { "retry-after": "11" });
    assert.deepEqual([outcome.kind, received.length], ["failed", 1]);
  });

  test("a receiver that never answers costs three timeouts, and no more than the total limit", async (t) => {
    const { url, received } = await serve(t, () => undefined);
    const outcome = await notify({ url }, message, quick);
    assert.equal(received.length, 3);
    assert.match(line(outcome), /no answer within 200 ms/);
    const startedAt = performance.now();
    const patient = { ...quick, timeoutMs: 60_000, wholeMs: 300 };
    assert.equal((await notify({ url }, message, patient)).kind, "failed");
    assert.ok(performance.now() - startedAt < 5_000);
  });

  test("an endless body does not hold up a message that was accepted", async (t) => {
    const { url } = await serve(t, (response) => response.writeHead(200).write("o"));
    assert.equal((await notify({ url }, message, { ...quick, timeoutMs: 10_000 })).kind, "sent");
  });

  test("a receiver that is down is a failure that names its host and nothing else of the URL", async () => {
    const url = await refusingUrl();
    const outcome = await notify({ url: url + secretPath }, message, quick);
    assert.match(
      line(outcome),
      new RegExp(`^warning: ${new URL(url).host} did not .*ECONNREFUSED, 3 attempts`),
    );
    assert.doesNotMatch(JSON.stringify(outcome) + line(outcome), /services|0123456789abcdef/);
  });

  test("it can be aborted", async (t) => {
    const { url } = await serve(t, () => undefined);
    const outcome = await notify({ url }, message, defaultTiming, AbortSignal.timeout(50));
    assert.deepEqual([outcome.kind, outcome.attempts], ["failed", 1]);
  });

  test("the default limits are those in the documentation", () => {
    const { attempts, timeoutMs, wholeMs, longestRetryAfterMs } = defaultTiming;
    assert.deepEqual([attempts, timeoutMs, wholeMs, longestRetryAfterMs], [3, 5_000, 20_000, 10_000]);
  });
});
