import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Mode } from "#operations/base/run-context";
import { lostUnproven } from "#operations/proof/lost-keys";
import { at, realmKey } from "../samples.ts";

const trusted = realmKey("old");
const disabled = realmKey("old", { status: "DISABLED" });
const old = { kid: "old", algorithm: "RS256", componentName: "name-old" };
const canary = {
  kid: "old",
  algorithm: "RS256",
  seen: { jti: "seen", expiresAt: at(36_000) },
  unseen: { jti: "unseen", expiresAt: at(36_000) },
};
const carriedFrom = (rotation: number) => [{ rotation, canaries: [canary], baseline: [] }];
const left = (keys: { signers?: (typeof old)[]; passive?: (typeof old)[] }) => ({
  signers: [],
  passive: [],
  ...keys,
});

interface Case {
  title: string;
  mode?: Mode;
  rotation?: number;
  keysBefore?: ReturnType<typeof realmKey>[];
  carried?: ReturnType<typeof carriedFrom>;
  /** Rotation of the last cut-over that completed, and what it left. Default: none has. */
  last?: number;
  result?: ReturnType<typeof left>;
  lost: string[];
}

const cases: Case[] = [
  {
    title: "an up has disabled a key and not proven it, and its state is lost",
    keysBefore: [realmKey("old", { status: "DISABLED", died: "open 8" })],
    lost: ["old"],
  },
  {
    title: "an up has disabled a key and not proven it, and its canary tokens have expired or never were",
    keysBefore: [realmKey("old", { status: "DISABLED", died: "open 7" })],
    last: 7,
    lost: ["old"],
  },
  {
    title:
      "an up has disabled a key and not proven it, of which there are canary tokens: its verification asks about it",
    keysBefore: [realmKey("old", { status: "DISABLED", died: "open 7" })],
    carried: carriedFrom(7),
    last: 7,
    lost: [],
  },
  {
    title: "an up has disabled a key that the config has closed by name",
    keysBefore: [realmKey("old", { status: "DISABLED", died: "acknowledged 7" })],
    last: 7,
    lost: [],
  },
  {
    title: "an up has disabled a key and proven it, and its state is lost",
    keysBefore: [realmKey("old", { status: "DISABLED", died: "proven 8" })],
    lost: [],
  },
  {
    title: "npm run kill has disabled a key and not proven it, and no state knows of it",
    keysBefore: [realmKey("old", { status: "DISABLED", killed: "open 8" })],
    lost: ["old"],
  },
  {
    title: "npm run kill has not proven it, and the mode is planned by now",
    mode: "planned",
    keysBefore: [realmKey("old", { status: "DISABLED", killed: "open 8" })],
    last: 7,
    lost: ["old"],
  },
  {
    title: "the last cut-over left a key trusted that npm run kill has disabled and proven since",
    keysBefore: [realmKey("old", { status: "DISABLED", killed: "proven 8 0123456789abcdef" })],
    last: 7,
    result: left({ signers: [old] }),
    lost: [],
  },
  {
    title: "somebody has enabled a key again that npm run kill had disabled: it retires as any other",
    keysBefore: [realmKey("old", { killed: "open 8" })],
    lost: [],
  },
  { title: "nothing was known before the run", lost: [] },
  {
    title: "a killed run had minted canary tokens for a key that is disabled now",
    carried: carriedFrom(7),
    lost: ["old"],
  },
  {
    title: "a killed run had minted canary tokens, in mode planned",
    mode: "planned",
    carried: carriedFrom(7),
    lost: ["old"],
  },
  {
    title: "a key of a killed run that is still trusted is not lost: it retires as any other",
    carried: carriedFrom(7),
    keysBefore: [trusted],
    lost: [],
  },
  {
    title: "canary tokens of a rotation whose cut-over completed are that cut-over's",
    carried: carriedFrom(7),
    last: 7,
    lost: [],
  },
  {
    title: "the same rotation carried out again has lost nothing",
    carried: carriedFrom(9),
    last: 8,
    result: left({ signers: [old] }),
    lost: [],
  },
  {
    title: "in an emergency, a signer of the last cut-over that somebody has disabled",
    last: 7,
    result: left({ signers: [old] }),
    lost: ["old"],
  },
  {
    title: "in an emergency, a passive key of the last cut-over that somebody has disabled",
    last: 7,
    result: left({ passive: [old] }),
    lost: ["old"],
  },
  {
    title: "in mode planned, a key that somebody has disabled is not suspected",
    mode: "planned",
    last: 7,
    result: left({ signers: [old], passive: [old] }),
    lost: [],
  },
  {
    title: "a key that the last cut-over left and that is still trusted",
    last: 7,
    keysBefore: [trusted],
    result: left({ signers: [old] }),
    lost: [],
  },
  {
    title: "a key that is known twice is lost once",
    last: 6,
    carried: carriedFrom(7),
    result: left({ signers: [old] }),
    lost: ["old"],
  },
];

suite("lostUnproven", () => {
  for (const { title, mode = "emergency", rotation = 8, carried, last, result, ...found } of cases) {
    test(title, () => {
      const { keysBefore = [disabled] } = found;
      const before = { keysBefore, keysBeforeAt: at(1), ...(carried ? { carried } : {}) };
      const cutover = {
        ...(last === undefined ? {} : { run: { rotation: last } }),
        ...(result ? { result } : {}),
      };
      const lost = lostUnproven({ rotation, mode }, before, cutover);
      assert.deepEqual(
        lost.map(({ kid }) => kid),
        found.lost,
      );
    });
  }

  test("a key that somebody has disabled keeps its name, and one that was deleted gets one; their end is not exact", () => {
    const gone = { kid: "gone", algorithm: "ES256", componentName: "name-gone" };
    const before = { keysBefore: [disabled], keysBeforeAt: at(1) };
    const last = { run: { rotation: 7 }, result: left({ signers: [old, gone] }) };
    const end = { disabledAt: at(1), disabledAtIsExact: false };
    assert.deepEqual(lostUnproven({ rotation: 8, mode: "emergency" }, before, last), [
      { ...old, ...end },
      { kid: "gone", algorithm: "ES256", componentName: "deleted key gone", ...end },
    ]);
  });
});
