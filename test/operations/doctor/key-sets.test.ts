import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { RotationError } from "#operations/base/errors";
import { judgeReads } from "#operations/doctor/key-sets";
import { realmKey } from "../samples.ts";

const url = "https://keys.cdn.example/jwks.json";
const keys = [
  realmKey("now"),
  realmKey("before", { status: "PASSIVE" }),
  realmKey("dead", { status: "DISABLED" }),
];
const judge = (...reads: Parameters<typeof judgeReads>[2]) =>
  judgeReads("shop", url, reads, keys).map(({ code, what }) => `${code} ${what}`);
const unreadable = new RotationError(
  "JWKS_UNREADABLE",
  `${url} answered HTTP 500 without the JSON expected`,
  {
    nextStep: "check the jwksUris",
  },
);

suite("judgeReads", () => {
  test("the realm's trusted keys in every read are fine; keys of other issuers are nobody's business", () => {
    assert.deepEqual(judge(["now", "before"], ["before", "now", "of-another-issuer"]), []);
  });

  test("a set that lacks a key, or still has a disabled one, is named with what is wrong and in how many reads", () => {
    const dead = "still has the disabled dead";
    assert.deepEqual(judge(["before", "dead"], ["now", "before"], ["now", "before", "dead"]), [
      `JWKS_NOT_CURRENT ${url} does not show the realm's keys: lacks now, ${dead}; ${dead} (2 of 3 reads)`,
    ]);
  });

  test("a read that fails is told apart from a set that differs", () => {
    assert.deepEqual(judge(["now", "before"], unreadable, ["now"]), [
      `JWKS_UNREADABLE ${unreadable.what} (1 of 3 reads)`,
      `JWKS_NOT_CURRENT ${url} does not show the realm's keys: lacks before (1 of 3 reads)`,
    ]);
  });
});
