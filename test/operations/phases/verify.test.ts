import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { acknowledgements } from "#operations/config/acknowledgements";
import { openKeys } from "#operations/keys/death-marks";
import { isVerificationDue, type VerificationOutputs } from "#phases/verify";
import { at, realmKey } from "../samples.ts";

suite("whether a verification is due", () => {
  const seen = { fleetDigest: "a", trustedKids: ["new"] };
  const done = { verified: true, verifiedAfter: at(1), revokedAt: null, internalKeysAt: null, ...seen };
  const news = { after: at(1), revokedAt: null, internalKeysAt: null, openKids: [], ...seen };
  for (const [title, olds, change, due] of [
    ["nothing has changed", done, {}, false],
    ["the last one was red", { ...done, verified: false }, {}, true],
    ["there was another cut-over", done, { after: at(2) }, true],
    ["sessions were ended since", done, { revokedAt: at(2) }, true],
    ["a dead key came back after its proof, or was never proven", done, { openKids: ["old"] }, true],
    ["other instances are to be asked, or in another way", done, { fleetDigest: "b" }, true],
    ["a key that was trusted is not there any more", done, { trustedKids: [] }, true],
    ["another key is trusted as well", done, { trustedKids: ["new", "newer"] }, false],
    [
      "an older version did the last one",
      { ...done, fleetDigest: undefined, trustedKids: undefined },
      {},
      false,
    ],
  ] as const) {
    test(`${title}: ${due}`, () => {
      assert.equal(
        isVerificationDue(olds as Partial<VerificationOutputs>, { ...news, ...change } as typeof news),
        due,
      );
    });
  }
});

suite("openKeys", () => {
  for (const [title, change, isOpen] of [
    ["disabled by an up and not proven", { status: "DISABLED", died: "open 7" }, true],
    ["disabled by npm run kill and not proven", { status: "DISABLED", killed: "open 7" }, true],
    ["proven", { status: "DISABLED", died: "proven 7" }, false],
    ["closed by name", { status: "DISABLED", died: "acknowledged 7" }, false],
    ["enabled again", { died: "open 7" }, false],
    ["disabled by somebody else", { status: "DISABLED" }, true],
    ["disabled by somebody else and seen", { status: "DISABLED", foundDead: `open ${at(0)}` }, true],
    ["disabled by somebody else and proven", { status: "DISABLED", foundDead: "proven 7" }, false],
    [
      "disabled by somebody else and closed by name",
      { status: "DISABLED", foundDead: "acknowledged 7" },
      false,
    ],
  ] as const) {
    test(`a key that is ${title} is ${isOpen ? "open" : "not open"}`, () => {
      assert.equal(openKeys([realmKey("old", change)]).length, isOpen ? 1 : 0);
    });
  }
});

suite("acknowledgements", () => {
  const acknowledge = [{ kid: "old", reason: "all were rebuilt" }];
  test("a pipeline's user and commit stand beside the reason", () => {
    const env = { GITHUB_ACTOR: "alice", GITHUB_SHA: "abc" };
    assert.deepEqual(acknowledgements({ acknowledge }, env), [
      { ...acknowledge[0], by: "alice", commit: "abc" },
    ]);
  });

  test("elsewhere it is the machine's user", () => {
    const [first] = acknowledgements({ acknowledge }, {});
    assert.ok(first?.by);
  });
});
