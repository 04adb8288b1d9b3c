import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { KeptCanaries } from "#operations/canaries/canary";
import { nothingOpen, stillOpen } from "#operations/proof/still-open";
import { at } from "../samples.ts";

/** Canary tokens of keys, by kid. */
function kept(...kids: string[]): KeptCanaries {
  const canaries = kids.map((kid) => ({
    kid,
    algorithm: "RS256",
    seen: { jti: `${kid}-seen`, expiresAt: at(36_000) },
    unseen: { jti: `${kid}-unseen`, expiresAt: at(36_000) },
  }));
  const tokens = kids.flatMap((kid) => [`${kid}-seen`, `${kid}-unseen`]);
  return { canaries, canaryTokens: Object.fromEntries(tokens.map((jti) => [jti, `token ${jti}`])) };
}

const keys = (...kids: string[]) => kids.map((kid) => ({ kid }));
const red = { verified: false, ...kept("a", "b"), retired: keys("a", "b") };

suite("stillOpen", () => {
  for (const [title, retired, before, expected] of [
    ["no verification came before", keys("c"), undefined, nothingOpen],
    ["a green verification leaves nothing open", keys("c"), { ...red, verified: true }, nothingOpen],
    ["a red verification leaves its retired keys open", keys("c"), red, kept("a", "b")],
    [
      "keys that it had canary tokens of and did not retire are not open",
      keys("c"),
      { ...red, retired: keys("a") },
      kept("a"),
    ],
    ["keys that this rotation retired are asked about anyway", keys("b"), red, kept("a")],
    [
      "what the verifications before it left open stays open",
      keys("c"),
      { ...red, earlier: kept("older") },
      kept("older", "a", "b"),
    ],
    [
      "a key that was left open before and is open again is asked about once",
      keys("c"),
      { ...red, earlier: kept("a") },
      kept("a", "b"),
    ],
    [
      "even a green verification clears what those before it left open: it has asked about them",
      keys("c"),
      { ...red, verified: true, earlier: kept("older") },
      nothingOpen,
    ],
  ] as const) {
    test(title, () => assert.deepEqual(stillOpen(retired, before), expected));
  }

  test("tokens of keys that are not open are not kept", () => {
    const { canaryTokens } = stillOpen(keys(), { ...red, retired: keys("a") });
    assert.deepEqual(Object.keys(canaryTokens), ["a-seen", "a-unseen"]);
  });
});
