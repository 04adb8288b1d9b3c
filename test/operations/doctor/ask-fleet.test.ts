import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import { forgeSignature } from "#operations/canaries/forged-tokens";
import { askFleet } from "#operations/doctor/ask-fleet";
import type { ExamTokens } from "#operations/doctor/tokens";
import { openTargets } from "#operations/fleet/targets";
import { type Answer as Reply, serve } from "../loopback-server.ts";
import { staticFleet } from "../samples.ts";
import { signingRealm } from "../signing-realm.ts";

const realm = await signingRealm({ today: "RS256" });
const good = await realm.mint("today");
const expired = await realm.mint("today", { exp: 1 });
const tokens: ExamTokens = {
  good: [good],
  forged: [await forgeSignature(good)],
  expired: { ...expired, expiresHere: 0 },
};

/** Asks one instance that answers like this; gives what is known of it, and the requests that it got. */
async function askOne(
  t: TestContext,
  reply: Reply,
  exam: Partial<{ tokens: ExamTokens; tokenCount: number }> = {},
) {
  const server = await serve(t, reply);
  const fleet = staticFleet({ name: "api-1", url: server.url });
  const apiRefreshTokens = fleet.apiRefreshTokens.slice(0, exam.tokenCount ?? 1);
  const { results } = await askFleet(await openTargets(fleet.targets), {
    fleet: { ...fleet, apiRefreshTokens, probe: { ...fleet.probe, timeoutMs: 300 } },
    tokens: exam.tokens ?? tokens,
    trustedKids: ["today"],
    progress: () => undefined,
  });
  const [{ value } = assert.fail("no result")] = results;
  const calls = server.received.map(({ method, url }) => `${method} ${url}`);
  return {
    calls,
    answers: value.answers.map(({ token, verdict }) => [token, verdict.kind]),
    refresh: value.refresh,
  };
}

/** Keeps the contract. */
const sound: Reply = (response, { method, headers }) => {
  if (method === "POST") response.end(JSON.stringify({ kids: ["today"] }));
  else response.writeHead(headers.authorization === `Bearer ${good.token}` ? 200 : 401).end();
};

const refreshPath = "POST /internal/auth/jwks/refresh";
const probePath = "GET /api/me";

suite("askFleet", () => {
  test("a good token, a refresh, a forged and an expired token, each once", async (t) => {
    const { calls, answers, refresh } = await askOne(t, sound);
    assert.deepEqual(answers, [
      ["good", "accepted"],
      ["forged", "rejected"],
      ["expired", "rejected"],
    ]);
    assert.deepEqual(refresh, { outcome: "done" });
    assert.deepEqual(calls, [probePath, refreshPath, probePath, probePath]);
  });

  test("no token is shown that has a kid which the realm does not have", async (t) => {
    const kids: unknown[] = [];
    await askOne(t, (response, request, count) => {
      const [, head = ""] = /^Bearer (eyJ[^.]+)\./.exec(request.headers.authorization ?? "") ?? [];
      if (head) kids.push(JSON.parse(Buffer.from(head, "base64url").toString()).kid);
      sound(response, request, count);
    });
    assert.deepEqual(kids, ["today", "today", "today"]);
  });

  test("an instance that knew the key only after the refresh is asked again", async (t) => {
    let isRefreshed = false;
    const { answers } = await askOne(t, (response, request, count) => {
      isRefreshed ||= request.method === "POST";
      if (isRefreshed) sound(response, request, count);
      else response.writeHead(401).end();
    });
    assert.deepEqual(answers[0], ["good", "accepted"]);
  });

  test("one that gives no answer is not asked anything more than a refresh", async (t) => {
    const { calls, answers, refresh } = await askOne(t, (response, { method }) => {
      if (method === "POST") response.writeHead(500).end();
    });
    assert.deepEqual(answers, [["good", "inconclusive"]]);
    assert.equal(refresh?.outcome, "failed");
    assert.deepEqual(calls, [probePath, refreshPath]);
  });

  test("an answer that is no verdict is asked for once more", async (t) => {
    let failures = 1;
    const { answers } = await askOne(t, (response, request, count) => {
      failures -= 1;
      if (failures < 0) sound(response, request, count);
      else response.writeHead(502).end();
    });
    assert.deepEqual(answers[0], ["good", "accepted"]);
  });

  test("one that tolerates some clock skew is asked about the expired token again after it, and one that takes anything is not", async (t) => {
    const expiresHere = Date.now();
    let asked = 0;
    const { answers } = await askOne(
      t,
      (response, request, count) => {
        const isExpired = request.headers.authorization === `Bearer ${expired.token}`;
        if (isExpired) asked += 1;
        if (isExpired && asked === 1) response.writeHead(200).end();
        else sound(response, request, count);
      },
      { tokens: { ...tokens, expired: { ...expired, expiresHere: expiresHere - 2_000 } } },
    );
    assert.deepEqual([answers.at(-1), asked], [["expired", "rejected"], 2]);
    const open = await askOne(t, (response) => response.writeHead(200).end());
    assert.deepEqual(
      open.answers.map(([, kind]) => kind),
      ["accepted", "accepted", "accepted"],
    );
    assert.equal(open.calls.length, 4);
  });

  test("a refresh that keeps an old key set is not a refresh", async (t) => {
    const { refresh } = await askOne(t, (response, request, count) => {
      if (request.method === "POST") response.end(JSON.stringify({ kids: ["yesterday"] }));
      else sound(response, request, count);
    });
    assert.deepEqual(refresh, { outcome: "failed", reason: "its refreshed cache lacks today" });
  });

  test("without an API refresh token no refresh is sent", async (t) => {
    const { calls, refresh } = await askOne(t, sound, { tokenCount: 0 });
    assert.equal(refresh, undefined);
    assert.ok(!calls.includes(refreshPath));
  });
});
