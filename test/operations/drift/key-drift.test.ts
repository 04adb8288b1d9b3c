import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type KeyQuestion, keyDrift } from "#operations/drift/key-drift";
import type { KnownRealm } from "#operations/drift/known-realm";
import type { RealmKey } from "#operations/keys/realm-keys";
import { probeSettings, realmKey, refreshSettings } from "../samples.ts";

const now = "2026-01-01T10:00:00.000Z";
const later = "2026-01-01T10:05:00.000Z";

function key(rotation: number, change: Partial<RealmKey> = {}): RealmKey {
  return realmKey(`kid-${rotation}`, {
    priority: 100 + rotation,
    componentName: `jwks-break-glass-r${rotation}-RS256`,
    ...change,
  });
}

const signer = key(8, { signing: true });
const known: KnownRealm = {
  realm: "shop",
  rotation: 8,
  mode: "emergency",
  verified: true,
  activatedAt: now,
  signers: [{ kid: "kid-8", algorithm: "RS256" }],
  passive: [],
  retired: [],
  closed: [],
  acknowledged: [],
  exemptKeys: [],
  jwksUris: [],
  targets: [],
  probe: probeSettings,
  refresh: refreshSettings,
  algorithms: [],
  canaries: [],
  canaryTokens: {},
};

function look(keys: RealmKey[], question: Partial<KeyQuestion> = {}, realm: Partial<KnownRealm> = {}) {
  return keyDrift(
    keys,
    { ...known, ...realm },
    { stack: "prod", mode: "planned", maxKeyAgeDays: 90, now, ...question },
  );
}

const emergency =
  "pulumi config set mode emergency --stack prod && pulumi config set incident INCIDENT --stack prod";
const bump = "pulumi config set rotation 9 --stack prod && pulumi up --stack prod";

suite("the command that fixes a drift of the keys", () => {
  const again = [signer, key(7, { status: "PASSIVE" })];
  const canary = { kid: "kid-7", algorithm: "RS256" };
  const tokenOf = { jti: "j", expiresAt: later };
  const canaries = [{ ...canary, seen: tokenOf, unseen: tokenOf, acceptedBy: [] }];

  test("a key that bears the mark of its retirement is disabled by any update", () => {
    const [found] = look([signer, realmKey("kid-0", { status: "PASSIVE", died: "proven 8" })]);
    assert.equal(found?.code, "KEY_ENABLED_AGAIN");
    assert.equal(found?.fix, "pulumi up --stack prod");
  });

  test("a retired key that is trusted again never gets an overlap", () => {
    const [found] = look(again, {}, { canaries });
    assert.equal(found?.code, "KEY_ENABLED_AGAIN");
    assert.equal(found?.fix, `${emergency} && pulumi up --stack prod`);
    assert.equal(look(again, { mode: "emergency" }, { canaries })[0]?.fix, "pulumi up --stack prod");
    assert.equal(look(again)[0]?.fix, `${emergency} && ${bump}`);
  });

  test("a key that was never announced is disabled at once, whatever the mode in the config", () => {
    const keys = [signer, key(0, { componentName: "added-by-hand", status: "PASSIVE" })];
    for (const mode of ["planned", "rollback"] as const)
      assert.equal(look(keys, { mode })[0]?.fix, `${emergency} && ${bump}`);
    assert.equal(look(keys, { mode: "emergency" })[0]?.fix, bump);
  });

  test("a missing signing key is replaced in a mode in which a rotation is not refused", () => {
    assert.equal(look([])[0]?.fix, bump);
    assert.equal(
      look([], { mode: "rollback" })[0]?.fix,
      `pulumi config set mode planned --stack prod && ${bump}`,
    );
    const overlap = [key(7, { algorithm: "ES256", signing: true, retireAfter: later })];
    const fixes = look(overlap, {}, { exemptKeys: ["jwks-break-glass-r7-RS256"] }).map(({ fix }) => fix);
    assert.deepEqual(fixes, [`${emergency} && ${bump}`]);
  });

  test("a passive key that was disabled can't be restored", () => {
    const passive = [{ kid: "kid-7", algorithm: "RS256", componentName: "jwks-break-glass-r7-RS256" }];
    const [found] = look(
      [signer, key(7, { status: "DISABLED" })],
      {},
      { passive: passive as KnownRealm["passive"] },
    );
    assert.equal(found?.code, "KEY_RETIRED_EARLY");
    assert.match(found?.fix ?? "", /^can't be undone/);
  });
});

suite("a rotation that was started and not finished", () => {
  test("is not taken for an attack with the new key", () => {
    const found = look([signer, key(9, { priority: 0, status: "PASSIVE" })]);
    assert.deepEqual(
      found.map(({ code }) => code),
      ["ROTATION_UNFINISHED"],
    );
    assert.match(found[0]?.what ?? "", /^rotation 9 was started and not finished/);
  });

  test("that has already disabled the old key does not count as a lost signing key", () => {
    const found = look([key(8, { status: "DISABLED" }), key(9, { signing: true })]);
    assert.deepEqual(
      found.map(({ code }) => code),
      ["ROTATION_UNFINISHED", "KEY_NOT_PROVEN"],
    );
    const disabled = look([key(8, { status: "DISABLED" }), key(9, { priority: 0, status: "PASSIVE" })]);
    assert.deepEqual(
      disabled.map(({ code }) => code),
      ["ROTATION_UNFINISHED", "KEY_DISABLED", "KEY_NOT_PROVEN"],
    );
  });
});

suite("a dead key of which nobody has shown that the instances refuse it", () => {
  const dead = (marks: Partial<RealmKey>) => realmKey("old", { status: "DISABLED", ...marks });
  const gone = {
    ...{ kid: "gone", algorithm: "RS256", componentName: "name-gone", how: "removed" as const },
    ...{ disabledAt: now, disabledAtIsExact: false, deadSince: now },
  };
  for (const [title, keys, realm, what] of [
    ["that an up has disabled", [dead({ died: "open 8" })], {}, /kid old .* is disabled, and nobody/],
    ["that somebody else has disabled", [dead({})], {}, /kid old .* is disabled, and nobody/],
    ["that somebody has deleted", [], { retired: [gone] }, /kid gone .* is not in the realm any more/],
    ["that somebody has deleted and that was proven", [], { retired: [gone], closed: ["gone"] }, undefined],
    ["that was proven", [dead({ died: "proven 8" })], {}, undefined],
    ["that was closed by name", [dead({ foundDead: "acknowledged 8" })], {}, undefined],
  ] as const)
    test(`${title} is ${what ? "named, and asked about by an update" : "no drift"}`, () => {
      const found = look([signer, ...keys], {}, realm as Partial<KnownRealm>);
      assert.equal(found.length, what ? 1 : 0);
      if (!what) return;
      assert.match(found[0]?.what ?? "", what);
      assert.match(found[0]?.fix ?? "", /^pulumi up --stack prod, .*acknowledge$/);
    });
});
