import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { MintedToken } from "#operations/canaries/canary";
import type { Check } from "#operations/proof/check";
import { forTheKeysSake } from "#operations/proof/for-the-keys-sake";
import type { Verdict } from "#operations/proof/probe";
import { at } from "../samples.ts";

const accepted: Verdict = { kind: "accepted", status: 200 };
const rejected: Verdict = { kind: "rejected", status: 401 };
const silent: Verdict = { kind: "inconclusive", reason: "timeout" };

function minted(kid: string, algorithm: string): MintedToken {
  return { token: `token-${kid}`, kid, algorithm, jti: `jti-${kid}`, expiresAt: at(36_000) };
}

const twin = { control: minted("new", "RS256") };
const twins = [
  { kid: "old", ...twin },
  { kid: "older", ...twin },
];

function answer(
  check: Check["check"],
  subject: string,
  verdict: Verdict,
  expected: Check["expected"],
): Check {
  const ok = verdict.kind === expected;
  return { check, subject, jti: `jti-${subject}`, expected, verdict, ok, at: at(30) };
}

const about = (check: Check["check"], verdict: Verdict) =>
  answer(check, check === "earlier" ? "older" : "old", verdict, "rejected");
const control = (kid: string, verdict: Verdict) => answer("control", kid, verdict, "accepted");
const forged = answer("forged", "new", rejected, "rejected");

const { jti: _jti, ...withoutJti } = control("new", accepted);

interface Row {
  title: string;
  about?: Check;
  others: Check[];
  /** Default: a row for each key, with its control token. */
  asked?: Parameters<typeof forTheKeysSake>[1];
  /** Why the rejection does not count. Default: the answer stays as it is. */
  reason?: RegExp;
}

const good = [control("new-es", accepted), control("new", accepted)];

const rows: Row[] = [
  { title: "a rejection counts where the control token is accepted", others: good },
  {
    title: "a rejection of an earlier key counts where the control token is accepted",
    about: about("earlier", rejected),
    others: good,
  },
  {
    title: "a rejection does not count where the control token is rejected, too",
    others: [control("new-es", accepted), control("new", rejected)],
    reason: /rejected with 401, but its control token of kid new is not accepted either/,
  },
  {
    title: "a rejection does not count where nothing came back to the control token",
    others: [control("new-es", accepted), control("new", silent)],
    reason: /its control token of kid new is not accepted either/,
  },
  {
    title: "a rejection does not count where only another algorithm's control token is accepted",
    others: [control("new-es", accepted)],
    reason: /there is no control token/,
  },
  {
    title: "an answer to another token than the control token does not make a rejection count",
    others: [answer("fresh", "new", accepted, "accepted")],
    reason: /there is no control token/,
  },
  {
    title: "a rejection does not count where no control token was minted",
    others: [withoutJti],
    asked: [{ kid: "old" }],
    reason: /there is no control token/,
  },
  {
    title: "a rejection does not count where a control token was minted for another key only",
    others: good,
    asked: [{ kid: "older", ...twin }, { kid: "old" }],
    reason: /there is no control token/,
  },
  {
    title: "a key of which nothing is known has no control token",
    others: good,
    asked: [],
    reason: /there is no control token/,
  },
  {
    title: "an acceptance stays one, whatever becomes of the control token",
    about: about("retired", accepted),
    others: [control("new", rejected)],
  },
  {
    title: "a missing answer keeps its own reason",
    about: about("retired", silent),
    others: [control("new", rejected)],
  },
  { title: "a forged token needs no control token", about: forged, others: [control("new", rejected)] },
];

suite("for the key's sake", () => {
  for (const { title, about: one = about("retired", rejected), others, asked = twins, reason } of rows)
    test(title, () => {
      const [found, ...unchanged] = forTheKeysSake([one, ...others], asked);
      assert.deepEqual(unchanged, others);
      if (!reason) return assert.deepEqual(found, one);
      assert.ok(found?.verdict.kind === "inconclusive");
      assert.match(found.verdict.reason, reason);
      assert.equal(found.ok, false);
    });

  for (const [title, verdict, controlSaid, isKept] of [
    ["that is rejected, its control token accepted", rejected, accepted, true],
    ["that is accepted", accepted, accepted, true],
    ["that gave no answer at all", { ...silent, unanswered: true }, accepted, true],
    ["that gave no verdict", silent, accepted, false],
    ["that is rejected, its control token, too", rejected, rejected, false],
  ] as const)
    test(`of a key that an earlier run has closed, an answer ${title}, is ${isKept ? "kept" : "left out"}`, () => {
      const asked = [about("earlier", verdict), control("new", controlSaid)];
      assert.deepEqual(forTheKeysSake(asked, twins), isKept ? asked : asked.slice(1));
    });
});
