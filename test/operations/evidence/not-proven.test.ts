import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { notProven } from "#operations/evidence/not-proven";
import { planned, restartedEmergency } from "../evidence-bundles.ts";
import { type FindingsChange, findings, verification } from "../samples.ts";

const {
  prepared: { canary },
  cutover,
} = findings();
const announced = { results: [], restarts: [], known: [], unproven: ["api-1", "api-2"] };
const endedAll = { sid: "1", because: "all" as const };

const { proof: _, ...unverified } = findings();

suite("notProven", () => {
  for (const [title, found, sentence] of [
    ["no verification", unverified, /^Nothing was verified: the run ended in phase/],
    [
      "an instance that failed",
      findings({
        verification: verification({ verified: false, failures: ["api-1 still accepts kid old"] }),
      }),
      /^api-1 still accepts kid old\.$/,
    ],
    [
      "a client that could not be frozen",
      findings({ freeze: { clients: [], instances: [], failures: ["client a: HTTP 500"] } }),
      /^Not frozen: client a: HTTP 500\.$/,
    ],
    [
      "too many sessions",
      findings({ sessions: { ended: [], truncated: true, denied: [], failures: [] } }),
      /^There were too many sessions/,
    ],
  ] as const)
    test(`${title} is a failure`, () => {
      const { failed, limits } = notProven(found, "emergency");
      assert.ok(failed.some((line) => sentence.test(line)));
      assert.ok(!limits.some((line) => sentence.test(line)));
    });

  for (const [title, found, sentence] of [
    [
      "that no instance answered before",
      findings({ canary: { ...canary, baselineSkipped: true } }),
      /^No instance answered before the cut-over/,
    ],
    ["that no key is retired yet", planned(), /^No key is retired yet: old no longer signs, and is trusted/],
    ["that no key was retired", findings({ cutover: { ...cutover, retired: [] } }), /^No key was retired/],
    ["what instances did not report", findings({ announced }), /^2 instances refreshed without reporting/],
    ["the weaker proof", restartedEmergency(), /^1 instance was not asked before .*proof level restarted/],
    ["instances outside the targets", findings(), /^Instances outside the configured targets were not asked/],
    ["OAuth refresh tokens", findings(), /^OAuth refresh tokens .* HS512/],
    ["what tokens were used for", findings(), /^It is not known what tokens/],
  ] as const)
    test(`${title} limits the proof, and is no failure`, () => {
      const { failed, limits } = notProven(found, "emergency");
      assert.ok(limits.some((line) => sentence.test(line)));
      assert.deepEqual(failed, []);
    });

  for (const [title, change] of [
    [
      "all sessions were ended",
      { sessions: { ended: [endedAll], truncated: false, denied: [], failures: [] } },
    ],
    [
      "the HMAC key was rotated",
      {
        internalKeys: {
          keys: [
            { kind: "hmac", componentName: "h", kid: "h", activatedAt: "2026-01-01T10:00:00Z", disabled: [] },
          ],
          failures: [],
        },
      },
    ],
  ] satisfies [string, FindingsChange][])
    test(`where ${title}, no OAuth refresh token is left to limit the proof`, () => {
      assert.doesNotMatch(notProven(findings(change), "emergency").limits.join(), /HS512/);
    });

  test("a sentence is a failure or a limit, never both", () => {
    const { failed, limits } = notProven({ phases: [] }, "emergency");
    assert.deepEqual(
      failed.filter((line) => limits.includes(line)),
      [],
    );
  });
});
