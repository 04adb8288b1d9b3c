import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { firstTokens, nextTokens } from "#operations/fleet/api-refresh-token";

suite("nextTokens", () => {
  test("the new token comes first, and those that instances may still have stay", () => {
    assert.deepEqual(nextTokens(["b", "a"], "c"), ["c", "b", "a"]);
  });

  test("no more than four are remembered", () => {
    assert.deepEqual(nextTokens(["d", "c", "b", "a"], "e"), ["e", "d", "c", "b"]);
  });

  test("going back to an earlier token does not list it twice", () => {
    assert.deepEqual(nextTokens(["b", "a"], "a"), ["a", "b"]);
  });
});

suite("firstTokens", () => {
  test("without a Secret there is only the given token", async () => {
    assert.deepEqual(await firstTokens({ given: "a" }), ["a"]);
  });
});
