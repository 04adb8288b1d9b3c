import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type Refreshed, type RestartQuestion, restartReason } from "#operations/enforce/restart-reason";
import type { Instance } from "#operations/fleet/instances";
import { startedAfter } from "#operations/fleet/read-startup";
import type { Verdict } from "#operations/proof/probe";
import { at } from "../samples.ts";

const facts = { namespace: "shop", uid: "1", port: 8080, container: "api", restarts: 0, startedAt: at(-60) };
const pod: Instance = { name: "api-1", url: "http://api-1.shop:8080", target: "shop", pod: facts };
const accepted: Verdict = { kind: "accepted", status: 200 };
const rejected: Verdict = { kind: "rejected", status: 401 };
const silent: Verdict = { kind: "inconclusive", reason: "no answer within 5000 ms", unanswered: true };

const question: RestartQuestion = {
  canaries: [{ kid: "old" }],
  retiredKids: ["old"],
  baselineOf: new Map([
    ["1", { instance: "api-1", uid: "1", verdicts: [{ kid: "old", verdict: accepted }] }],
  ]),
  retiredAt: at(0),
};

function refreshed(outcome: "claimed" | "failed", look: Verdict | undefined): Refreshed {
  const reason = outcome === "failed" ? { reason: "HTTP 404: the instance does not expose it" } : {};
  const result = { instance: "api-1", outcome, attempts: 1, startedAt: at(1), finishedAt: at(2), ...reason };
  return { result, looks: look ? [{ kid: "old", verdict: look }] : [] };
}

suite("restartReason", () => {
  const never = { ...question, baselineOf: new Map() };
  const nothingRetired = { ...question, canaries: [], retiredKids: [] };
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

  test("a pod that started after the retired keys' death needs no restart, baseline or not", () => {
    const young = { ...pod, pod: { ...facts, startedAt: at(5) } };
    assert.equal(restartReason(young, refreshed("claimed", rejected), never), undefined);
  });
});

suite("startedAfter", () => {
  for (const [title, change, expected] of [
    ["a later second", { startedAt: at(1) }, true],
    ["the second before", { startedAt: at(-1) }, false],
    [
      "an earlier second, of a restart that was asked for later",
      { startedAt: at(-1), restartedAt: at(0) },
      true,
    ],
    ["an earlier second, of an earlier restart", { startedAt: at(-1), restartedAt: at(-1) }, false],
    ["a container that does not run", { startedAt: undefined, restartedAt: at(1) }, false],
    ["an annotation that is no time", { startedAt: at(-1), restartedAt: "soon" }, false],
  ] as const) {
    test(`${title}: ${expected}`, () => {
      const { startedAt, ...rest } = { ...facts, ...change };
      const one = { ...pod, pod: { ...rest, ...(startedAt === undefined ? {} : { startedAt }) } };
      assert.equal(startedAfter(one, at(0)), expected);
    });
  }

  test("an instance of the static list says nothing of its start", () => {
    assert.equal(startedAfter({ name: "api-1", url: "http://api-1" }, at(0)), false);
  });
});
