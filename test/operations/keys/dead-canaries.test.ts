import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { refuseDeadCanaries } from "#operations/keys/cut-over-errors";
import { realmKey } from "../samples.ts";

const inMinutes = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();

/** What was known before, with canary tokens that were minted and end so many minutes from now. */
function known(mintedAt: number, endsAt: number) {
  const token = { expiresAt: inMinutes(endsAt) };
  return {
    keysBefore: [],
    keysBeforeAt: inMinutes(mintedAt),
    canaries: [{ kid: "old", seen: token, unseen: token }],
  };
}

suite("refuseDeadCanaries", () => {
  test("tokens that outlive the proof are fine, and so are dead ones of keys that stay", () => {
    refuseDeadCanaries([realmKey("old")], known(-60, 10));
    refuseDeadCanaries([realmKey("other")], known(-60, -10));
  });

  test("tokens that were minted long ago are minted anew by a bump", () => {
    assert.throws(() => refuseDeadCanaries([realmKey("old")], known(-600, 4)), {
      code: "CANARY_EXPIRED",
      message: /tokens of old were minted too long ago.*bump rotation/,
    });
  });

  test("where the realm's tokens are short-lived a bump would change nothing, and the message says what would", () => {
    assert.throws(() => refuseDeadCanaries([realmKey("old")], known(0, 4)), {
      code: "CANARY_EXPIRED",
      message: /live for less than five minutes.*raise the realm's SSO Session Max.*offline_access/,
    });
  });
});
