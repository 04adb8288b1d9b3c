import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type HttpAnswer, NoAnswerError, type NoAnswerKind } from "#operations/base/http";
import { sendPatiently, totalTime, wasNeverSent } from "#operations/keycloak/attempts";
import { instantClock } from "../keycloak-stand-in.ts";

const fine: HttpAnswer = { status: 200, body: "" };
const noAnswer = (kind: NoAnswerKind) => new NoAnswerError(kind, { kind });

/** The outcomes in turn, the last one again and again. */
function sending(...outcomes: (HttpAnswer | NoAnswerError)[]): () => Promise<HttpAnswer> {
  return async () => {
    const outcome = (outcomes.length > 1 ? outcomes.shift() : outcomes[0]) ?? fine;
    if (outcome instanceof NoAnswerError) throw outcome;
    return outcome;
  };
}

const patience = () => ({ totalMs: 10_000, clock: instantClock() });

suite("sendPatiently", () => {
  for (const [title, first, attempts] of [
    ["an answer", fine, 1],
    ["HTTP 404", { status: 404, body: "" }, 1],
    ["HTTP 503", { status: 503, body: "" }, 2],
    ["no connection", noAnswer("unreached"), 2],
    ["a broken connection", noAnswer("broken"), 2],
    ["no answer in time", noAnswer("timeout"), 2],
    ["a URL that can't be used", noAnswer("unusable"), 1],
  ] as const) {
    test(`${title} takes ${attempts} attempts`, async () => {
      const { attempts: sent } = await sendPatiently(sending(first, fine), patience());
      assert.equal(sent, attempts);
    });
  }

  test("where it may not be repeated the first outcome is the last", async () => {
    const reset = noAnswer("broken");
    assert.deepEqual(await sendPatiently(sending(reset, fine), patience(), () => false), {
      outcome: reset,
      attempts: 1,
    });
  });

  test("it is asked after each attempt, the last one too, whether the request may be repeated", async () => {
    const asked: unknown[] = [];
    const send = sending({ status: 502, body: "" });
    await sendPatiently(send, patience(), (outcome) => asked.push(outcome) > 0);
    assert.equal(asked.length, 4);
  });

  test("any other error is the caller's", async () => {
    const broken = () => Promise.reject(new TypeError("no HTTP at all"));
    await assert.rejects(sendPatiently(broken, patience()), TypeError);
  });

  test("only a connection that was never made says that nothing was sent", () => {
    const kinds = (["unreached", "timeout", "broken", "unusable"] as const).map(noAnswer);
    assert.deepEqual(kinds.map(wasNeverSent), [true, false, false, false]);
    assert.equal(wasNeverSent({ status: 502, body: "" }), false);
  });

  test("two attempts without an answer fit into an emergency's ten seconds where each has three", async () => {
    const clock = instantClock();
    const startedAt = clock.now();
    const hang = async () => {
      clock.pass(3_000);
      throw noAnswer("timeout");
    };
    const { attempts } = await sendPatiently(hang, { totalMs: totalTime(3_000), clock });
    assert.equal(attempts, 2);
    assert.ok(clock.now() - startedAt < 7_000);
  });
});
