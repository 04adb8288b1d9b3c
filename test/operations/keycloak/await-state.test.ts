import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { z } from "zod";
import { RotationError } from "#operations/base/errors";
import { awaitState } from "#operations/keycloak/await-state";
import { instantClock, keycloakStandIn } from "../keycloak-stand-in.ts";
import { sendJson } from "../loopback-server.ts";

const shape = z.object({ active: z.boolean() });
const isActive = ({ active }: { active: boolean }) => active;
const change = { what: "key K is active", describe: ({ active }: { active: boolean }) => `active ${active}` };

/**
 * Two nodes behind a balancer that asks them in turn. The second hears of a write only after so many of its own reads.
 */
async function twoNodes(t: Parameters<typeof keycloakStandIn>[0], lag: number) {
  const clock = instantClock();
  const { admin, server } = await keycloakStandIn(
    t,
    {
      "/admin/realms/shop/keys": (response, _request, count) => {
        const isSecondNode = count % 2 === 1;
        sendJson(response, 200, { active: !isSecondNode || count / 2 > lag });
      },
    },
    { clock },
  );
  const reads = () => server.received.filter(({ url }) => url.endsWith("/keys")).length;
  return { read: () => admin.get("/keys", shape), reads, clock };
}

suite("awaitState, after a write", () => {
  test("one node of two that has not heard of it yet is waited for", async (t) => {
    const { read, reads, clock } = await twoNodes(t, 3);
    assert.deepEqual(await awaitState(read, isActive, { ...change, clock }), { active: true });
    assert.equal(reads(), 2, "the first node that shows it is proof that it was written");
  });

  test("where all nodes matter, as many reads in a row as are asked for must show it", async (t) => {
    const { read, reads, clock } = await twoNodes(t, 3);
    await awaitState(read, isActive, { ...change, clock, readsInARow: 4 });
    assert.equal(
      reads(),
      9,
      "from the fourth read of the second node on, which is the seventh of both, all are good",
    );
  });

  test("nodes that go on answering differently are NODES_DISAGREE, with both states and how often each was seen", async (t) => {
    const { read, clock } = await twoNodes(t, 1_000);
    const startedAt = clock.now();
    const waiting = awaitState(read, isActive, { ...change, clock, readsInARow: 3, timeoutMs: 2_000 });
    await assert.rejects(waiting, (error: RotationError) => {
      assert.equal(error.code, "NODES_DISAGREE");
      assert.match(
        error.message,
        /Keycloak nodes disagree: 4 of 9 reads in 2 s show that key K is active, 5 do not \(active false\)/,
      );
      assert.match(error.nextStep, /clear its realm cache|restart/);
      return true;
    });
    assert.equal(clock.now() - startedAt, 2_000);
  });

  test("a state that comes and goes is what the caller says it is, with how often it was seen", async (t) => {
    const { read, clock } = await twoNodes(t, 1_000);
    const notCurrent = new RotationError("JWKS_NOT_CURRENT", "not yet", { nextStep: "wait" });
    const seenAtTimes = (counts: object, last: object | undefined) => {
      assert.deepEqual([counts, last], [{ good: 4, all: 9 }, { active: false }]);
      return notCurrent;
    };
    const options = { ...change, clock, readsInARow: 3, timeoutMs: 2_000, seenAtTimes };
    await assert.rejects(awaitState(read, isActive, options), notCurrent);
  });

  test("a state that no read shows is what the caller says it is", async () => {
    const clock = instantClock();
    const never = async () => ({ active: false });
    const notActive = new RotationError("KEY_NOT_ACTIVE", "it does not sign", { nextStep: "look" });
    await assert.rejects(
      awaitState(never, isActive, { ...change, clock, neverSeen: () => notActive }),
      notActive,
    );
    await assert.rejects(awaitState(never, isActive, { ...change, clock }), {
      code: "NODES_DISAGREE",
      message: /0 of \d+ reads in 10 s show that key K is active/,
    });
  });

  test("a read that fails is not the end, and an error of the last one is what is thrown where none came through", async () => {
    const clock = instantClock();
    const down = new RotationError("KEYCLOAK_UNREACHABLE", "no answer", { nextStep: "wait" });
    const answers = [down, { active: true }];
    const read = async () => {
      const next = answers.shift() ?? down;
      if (next instanceof Error) throw next;
      return next;
    };
    assert.deepEqual(await awaitState(read, isActive, { ...change, clock }), { active: true });
    await assert.rejects(awaitState(read, isActive, { ...change, clock }), down);
  });

  test("an error that is none of Keycloak's ends the wait", async () => {
    const broken = () => Promise.reject(new TypeError("broken"));
    await assert.rejects(
      awaitState(broken, () => true, { ...change, clock: instantClock() }),
      TypeError,
    );
  });
});
