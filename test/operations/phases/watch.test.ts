import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { pack } from "#operations/base/packed";
import { isEvidenceDue } from "#operations/phases/evidence";
import { watchedKeys } from "#operations/phases/retired-keys";
import { allFindings } from "#operations/phases/so-far";
import { isWatchDue, type WatchInputs, watchPhase } from "#operations/phases/watch";
import type { LedgerEntry } from "#operations/proof/ledger/ledger";
import {
  at,
  cleanWatch,
  findings,
  relapsedWatch,
  runContext,
  staticFleet,
  verification,
} from "../samples.ts";

const proven = { mode: "emergency" as const, seconds: 30, verified: true, verifiedAt: at(32) };
const watched = { watchedAfter: at(32), relapsed: false };

function inputs(change: Partial<WatchInputs> = {}): WatchInputs {
  const run = runContext("evidence");
  const { realm, rotation, stage } = run;
  const { apiRefreshTokens: _tokens, ...fleet } = staticFleet();
  return {
    ...{ realm, rotation, stage, ...proven },
    details: pack({ run, fleet, jwksUris: [] }),
    keys: pack({ canaries: [], kids: [] }),
    ...change,
  };
}

suite("the watch is due", () => {
  for (const [title, olds, news, due] of [
    ["after a green verification of an emergency", {}, proven, true],
    ["after a later one", { ...watched, watchedAfter: at(20) }, proven, true],
    ["again where the last one has found a relapse", { ...watched, relapsed: true }, proven, true],
    [
      "again after a relapse, whatever the mode is by then",
      { ...watched, relapsed: true },
      { ...proven, mode: "planned", seconds: 0 },
      true,
    ],
    ["not twice for one verification", watched, proven, false],
    ["not in a planned rotation", {}, { ...proven, mode: "planned" }, false],
    ["not where it is switched off", {}, { ...proven, seconds: 0 }, false],
    ["not after a red verification", {}, { ...proven, verified: false }, false],
    [
      "not after a red verification that followed a relapse",
      { ...watched, relapsed: true },
      { ...proven, verified: false, verifiedAt: at(60) },
      false,
    ],
  ] as const)
    test(title, () => assert.equal(isWatchDue(olds, news), due));
});

suite("the watch phase", () => {
  const canaryTokens = { "jti-seen": "token-seen", "jti-unseen": "token-unseen" };
  const before = { findings: findings(), canaryTokens, controlTokens: {} };

  test("asks nobody where no key was retired, and is not due again", async () => {
    const outputs = await watchPhase(inputs());
    assert.deepEqual([outputs.watchedAt, outputs.record, outputs.result], [null, null, null]);
    assert.equal(isWatchDue(outputs, proven), false);
  });

  const foundOf = (...ledger: LedgerEntry[]) => {
    const state = { rows: [], cells: {} };
    return { found: pack({ result: verification({ ledger }), attempts: [], ledger: state }) };
  };
  const entry = (change: Partial<LedgerEntry> = {}): LedgerEntry => ({
    ...{ kid: "old", algorithm: "RS256", componentName: "name-old", how: "rotation" },
    ...{ disabledAt: at(12), disabledAtIsExact: true, deadSince: at(12), status: "proven", left: 0 },
    ...change,
  });

  test("looks for every canary token of a proven key, and for every key of the realm that is disabled", () => {
    const { canaries, kids } = watchedKeys(before, foundOf(entry()));
    assert.deepEqual(
      canaries.map(({ kid, token }) => [kid, token]),
      [["old", "token-unseen"]],
    );
    assert.deepEqual(kids, ["old"]);
  });

  test("asks about keys that earlier rotations have closed, too, as long as there are tokens of them", () => {
    const older = { kid: "older", algorithm: "RS256" };
    const token = (jti: string) => ({ jti, expiresAt: at(36_000) });
    const { prepared } = before.findings;
    const canaries = [
      ...prepared.canary.canaries,
      { ...older, seen: token("older-seen"), unseen: token("older-unseen") },
    ];
    const known = {
      ...before,
      findings: { ...before.findings, prepared: { ...prepared, canary: { ...prepared.canary, canaries } } },
      canaryTokens: { ...canaryTokens, "older-seen": "token-older", "older-unseen": "token-older-unseen" },
    };
    const watched = watchedKeys(known, foundOf(entry(), entry({ kid: "older", closedFor: 7 })));
    assert.deepEqual(
      watched.canaries.map(({ token: text }) => text),
      ["token-unseen", "token-older-unseen"],
    );
    assert.deepEqual(watched.kids, ["old", "older"]);
  });

  test("asks no instance about a key that was closed by acknowledgement, which the proof does not ask either", () => {
    const { canaries, kids } = watchedKeys(before, foundOf(entry({ status: "acknowledged" })));
    assert.deepEqual([canaries, kids], [[], ["old"]]);
  });
});

suite("the evidence", () => {
  const { watch: _none, ...before } = findings();
  const verified = {
    found: pack({ result: verification(), attempts: [] }) as never,
    verifiedAt: at(32),
    record: {
      phase: "verify" as const,
      outcome: "done" as const,
      startedAt: at(28),
      finishedAt: at(32),
      summary: "",
    },
  };
  const taken = (watchedAfter: string) => {
    const watch = { watchedAfter, result: pack(relapsedWatch()), record: null };
    return allFindings(
      { findings: before, canaryTokens: {}, controlTokens: {} },
      verified,
      { findings: {}, records: [] },
      watch,
    ).watch;
  };

  test("has the watch that followed its own verification, and no other", () => {
    assert.deepEqual([taken(at(32))?.relapses.length, taken(at(20))], [1, undefined]);
  });

  test("is written again when the watch has ended, and not where there never was one", () => {
    const news = { realm: "shop", verifiedAt: at(32), isThawing: true };
    const { finishedAt } = cleanWatch();
    assert.equal(
      isEvidenceDue({ verifiedAt: at(32), watchedAt: null }, { ...news, watchedAt: finishedAt }),
      true,
    );
    assert.equal(isEvidenceDue({ verifiedAt: at(32) }, { ...news, watchedAt: null }), false);
  });
});
