import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type Refreshed, type RestartQuestion, restartReason } from "#operations/enforce/restart-reason";
import { type Instance, instanceId } from "#operations/fleet/instances";
import type { Verdict } from "#operations/proof/probe";
import { at, soundBefore } from "../samples.ts";

const pod: Instance = {
  name: "api-1",
  url: "http://api-1.shop:8080",
  target: "shop",
  uid: "1",
  startedAt: at(-60),
};
const accepted: Verdict = { kind: "accepted", status: 200 };
const rejected: Verdict = { kind: "rejected", status: 401 };
const silent: Verdict = { kind: "inconclusive", reason: "no answer within 5000 ms", unanswered: true };

const question: RestartQuestion = {
  canaries: [{ kid: "old" }],
  retired: [{ kid: "old", deadSince: at(0) }],
  baselineOf: new Map([
    [instanceId(pod), { instance: "api-1", target: "shop", uid: "1", verdicts: [soundBefore("old")] }],
  ]),
};

function refreshed(outcome: "claimed" | "failed", look: Verdict | undefined): Refreshed {
  const reason = outcome === "failed" ? { reason: "HTTP 404: the instance does not expose it" } : {};
  const result = { instance: "api-1", outcome, attempts: 1, startedAt: at(1), finishedAt: at(2), ...reason };
  return { result, looks: look ? [{ kid: "old", verdict: look }] : [] };
}

suite("restartReason", () => {
  const never = { ...question, baselineOf: new Map() };
  const nothingRetired = { ...question, canaries: [], retired: [] };
  for (const [title, outcome, look, asked, expected] of [
    ["refreshed, and rejects", "claimed", rejected, question, undefined],
    ["claims a refresh, and still accepts", "claimed", accepted, question, /still accepts kid old/],
    ["can't be refreshed, and still accepts", "failed", accepted, question, /still accepts kid old/],
    ["can't be refreshed, and rejects the key anyway", "failed", rejected, question, undefined],
    ["does not answer at all", "failed", silent, question, /can't be refreshed: HTTP 404/],
    ["claims a refresh, and gives no verdict", "claimed", silent, question, undefined],
    ["was never seen to accept", "claimed", rejected, never, /only a restart can prove that it rejects it/],
    ["refreshed, nothing retired", "claimed", undefined, nothingRetired, undefined],
    ["can't be refreshed, nothing retired", "failed", undefined, nothingRetired, /can't be refreshed/],
  ] as const) {
    test(`an instance that ${title}`, () => {
      const reason = restartReason(pod, refreshed(outcome, look), asked);
      if (expected === undefined) assert.equal(reason, undefined);
      else assert.match(reason ?? "", expected);
    });
  }

  test("only a restart can prove that an instance dropped a retired key without canary tokens", () => {
    const lost = { ...question, canaries: [] };
    assert.match(restartReason(pod, refreshed("claimed", undefined), lost) ?? "", /only a restart/);
  });

  test("of an instance that took a forged token, too, no answer shows that it needs a restart", () => {
    const taking = { ...soundBefore("old"), forged: { verdict: accepted } };
    const baselineOf = new Map([[instanceId(pod), { instance: "api-1", verdicts: [taking] }]]);
    assert.equal(restartReason(pod, refreshed("claimed", accepted), { ...question, baselineOf }), undefined);
  });

  test("where only some processes still accept, the reason says how many", () => {
    const spread = { accepted: 3, rejected: 5, inconclusive: 0 };
    const { result } = refreshed("claimed", undefined);
    const looks = [{ kid: "old", verdict: accepted, spread }];
    assert.equal(
      restartReason(pod, { result, looks }, question),
      "still accepts kid old after its refresh (over 3 of 8 connections)",
    );
  });

  test("a pod that started after the retired keys' death needs no restart, baseline or not", () => {
    const young = { ...pod, startedAt: at(5) };
    assert.equal(restartReason(young, refreshed("claimed", rejected), never), undefined);
  });
});
