import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { CellProof } from "#operations/proof/ledger/cells";
import {
  judgeInstance,
  type LedgerOutcome,
  ledgerEntries,
  nextState,
  type ShownInstance,
} from "#operations/proof/ledger/ledger";
import type { Cell } from "#operations/proof/ledger/state";
import { at, ledgerRow } from "../../samples.ts";

const replayed: CellProof = { kid: "a", proof: "replayed", provenAt: at(1) };
const restarted: CellProof = { kid: "b", proof: "restarted", provenAt: at(2) };
const acknowledged: CellProof = { kid: "c", proof: "acknowledged" };
const closed: CellProof = { kid: "d", proof: "closed" };
const unproven: CellProof = { kid: "e", proof: "unproven", why: "why" };
const good = { check: "fresh", subject: "new", expected: "accepted", at: at(1), ok: true } as const;
const fresh = { ...good, verdict: { kind: "accepted", status: 200 } } as const;

suite("judgeInstance", () => {
  for (const [title, proofs, expected] of [
    ["all replayed", [replayed], { proof: "replayed", verified: true, provenAt: at(1) }],
    ["one only restarted", [restarted, replayed], { proof: "restarted", verified: true, provenAt: at(2) }],
    ["one closed by name", [replayed, acknowledged], { proof: "acknowledged", verified: true }],
    ["one unproven", [replayed, acknowledged, unproven], { proof: "unproven", verified: false }],
    [
      "one closed by an earlier run",
      [replayed, closed],
      { proof: "replayed", verified: true, provenAt: at(1) },
    ],
    ["nothing but such", [closed], { proof: "nothing-retired", verified: true }],
    ["no dead key", [], { proof: "nothing-retired", verified: true }],
  ] as const)
    test(`${title}: ${expected.proof}`, () => {
      assert.deepEqual(judgeInstance(proofs, [fresh]), expected);
    });

  test("a wrong answer about something else leaves the proof, and is not verified", () => {
    const { proof, verified } = judgeInstance([replayed], [fresh, { ...fresh, ok: false }]);
    assert.deepEqual([proof, verified], ["replayed", false]);
  });
});

const shown = (proof: CellProof, change: Partial<ShownInstance> = {}): ShownInstance => ({
  ...{ instance: "api-1", place: "here", checks: [], proofs: [{ ...proof, kid: "old" }] },
  ...change,
});
const outcome = (instances: ShownInstance[], change: Partial<LedgerOutcome> = {}): LedgerOutcome => ({
  ...{ verified: true, rotation: 8, at: at(100), instances, unlisted: [] },
  ...change,
});
const cell = (change: Partial<Cell> = {}): Cell => ({
  ...{ instance: "api-1", place: "here", proof: "replayed", at: at(1) },
  ...change,
});

suite("nextState", () => {
  const closedFor = { by: "proven", rotation: 7, at: at(50) } as const;

  test("a green verification closes what is open, and remembers who has shown it", () => {
    const { rows, cells } = nextState([ledgerRow()], undefined, outcome([shown(replayed)]));
    assert.deepEqual(rows[0]?.closing, { by: "proven", rotation: 8, at: at(100) });
    assert.deepEqual(cells, { old: [cell()] });
  });

  test("a red one closes nothing, and remembers who has shown it", () => {
    const two = [shown(replayed), shown(unproven, { instance: "api-2" })];
    const { rows, cells } = nextState([ledgerRow()], undefined, outcome(two, { verified: false }));
    assert.equal(rows[0]?.closing, undefined);
    assert.deepEqual(cells, { old: [cell()] });
  });

  test("a key that is closed by name is so for every instance, and no cells are kept of it", () => {
    const before = { old: [cell()] };
    const asked = [shown(acknowledged)];
    const { rows, cells } = nextState([ledgerRow({ standing: "acknowledged" })], before, outcome(asked));
    assert.equal(rows[0]?.closing?.by, "acknowledged");
    assert.deepEqual(cells, {});
  });

  test("what an earlier rotation has closed keeps its closing", () => {
    const row = ledgerRow({ standing: "closed", closing: closedFor });
    const { rows } = nextState([row], { old: [cell()] }, outcome([shown(closed)]));
    assert.deepEqual(rows[0]?.closing, closedFor);
  });

  test("a key that is closed by name takes nothing from what was shown about another", () => {
    const named = ledgerRow({ kid: "named", standing: "acknowledged" });
    const { cells } = nextState([named, ledgerRow()], { named: [cell()] }, outcome([shown(replayed)]));
    assert.deepEqual(cells, { old: [cell()] });
  });

  test("a key that somebody has enabled again will die anew, at a time that is not exact", () => {
    const again = ledgerRow({ kid: "again", isTrustedAgain: true });
    const { rows } = nextState([again, ledgerRow()], undefined, outcome([], { verified: false }));
    assert.deepEqual(
      rows.map(({ disabledAt, disabledAtIsExact, deadSince }) => [disabledAt, disabledAtIsExact, deadSince]),
      [
        [at(100), false, at(100)],
        [at(0), true, at(0)],
      ],
    );
  });

  test("a key that came back is open again, and only what is shown now is remembered", () => {
    const row = ledgerRow({ keepsCells: false, closing: closedFor });
    const before = { old: [cell(), cell({ instance: "shop/1" })] };
    const red = outcome([shown(unproven)], { verified: false, unlisted: ["shop"] });
    const { rows, cells } = nextState([row], before, red);
    assert.deepEqual([rows[0]?.closing, cells], [undefined, { old: [] }]);
  });

  for (const [title, instances, change, expected] of [
    ["an instance that gave no answer keeps what it has shown before", [shown(unproven)], {}, [cell()]],
    [
      "one that accepts the key does not",
      [
        shown(unproven, {
          checks: [{ ...fresh, check: "retired", subject: "old", expected: "rejected", ok: false }],
        }),
      ],
      {},
      [],
    ],
    [
      "one that accepts another key, and refuses this one, does",
      [
        shown(unproven, {
          checks: [
            fresh,
            {
              ...{ ...fresh, check: "retired", subject: "old", expected: "rejected" },
              verdict: { kind: "rejected", status: 401 },
            },
          ],
        }),
      ],
      {},
      [cell()],
    ],
    ["what another instance has shown counts for nothing", [shown(unproven, { instance: "api-2" })], {}, []],
    [
      "what is shown about another key counts for nothing",
      [{ ...shown(unproven, { place: "there" }), proofs: [replayed, { ...unproven, kid: "old" }] }],
      {},
      [],
    ],
    ["a start is remembered as such", [shown(restarted)], {}, [cell({ proof: "restarted", at: at(2) })]],
    ["one that is asked at another place does not", [shown(unproven, { place: "there" })], {}, []],
    ["one that is not there any more is forgotten", [], {}, []],
    ["where nobody was asked, nobody is forgotten", [], { unlisted: "all" }, [cell()]],
    [
      "one that is shown by what was kept stays as it was",
      [shown({ ...replayed, kept: true } as CellProof, { processes: ["w1"] })],
      {},
      [cell()],
    ],
  ] as const)
    test(title, () => {
      const all = outcome([...instances], { verified: false, ...change });
      assert.deepEqual(nextState([ledgerRow()], { old: [cell()] }, all).cells.old, expected);
    });

  test("an instance that was added after a key was closed, and refuses it, is remembered", () => {
    const row = ledgerRow({ standing: "closed", closing: closedFor });
    const check = { ...fresh, check: "earlier", subject: "old", expected: "rejected", at: at(40) } as const;
    const said = [{ ...check, verdict: { kind: "rejected", status: 401 } }] as const;
    const added = shown(closed, { instance: "api-2", checks: [...said] });
    const { cells } = nextState([row], { old: [cell()] }, outcome([shown(closed), added]));
    assert.deepEqual(cells.old, [cell(), cell({ instance: "api-2", at: at(40) })]);
  });

  test("instances of a target that could not be listed are not forgotten, and others are", () => {
    const before = { old: [cell({ instance: "shop/1" }), cell({ instance: "shop-2/1" })] };
    const { cells } = nextState([ledgerRow()], before, outcome([], { verified: false, unlisted: ["shop"] }));
    assert.deepEqual(cells.old, [cell({ instance: "shop/1" })]);
  });
});

suite("nextState, of a target that could not be listed", () => {
  test("an instance that was asked nevertheless is remembered as it is now, and the others as before", () => {
    const before = { old: [cell({ instance: "shop/1" }), cell({ instance: "shop/2" })] };
    const now = shown(restarted, { target: "shop", uid: "1" });
    const { cells } = nextState(
      [ledgerRow()],
      before,
      outcome([now], { verified: false, unlisted: ["shop"] }),
    );
    assert.deepEqual(cells.old, [
      cell({ instance: "shop/1", proof: "restarted", at: at(2) }),
      cell({ instance: "shop/2" }),
    ]);
  });
});

suite("ledgerEntries", () => {
  const closing = { by: "acknowledged", rotation: 7, at: at(50) } as const;
  for (const [title, row, instances, verified, expected] of [
    ["proven by a green run", ledgerRow(), [shown(replayed)], true, ["proven", 0, undefined]],
    ["open after a red run", ledgerRow(), [shown(replayed)], false, ["open", 0, undefined]],
    [
      "open, with the number of instances that are left",
      ledgerRow(),
      [shown(replayed), shown(unproven)],
      false,
      ["open", 1, undefined],
    ],
    [
      "open after a red run, also where an earlier verification of this rotation was green",
      ledgerRow({ closing }),
      [shown(replayed)],
      false,
      ["open", 0, undefined],
    ],
    [
      "open where an instance is left, whatever it has shown about other keys",
      ledgerRow(),
      [{ ...shown(unproven), proofs: [replayed, { ...unproven, kid: "old" }] }],
      false,
      ["open", 1, undefined],
    ],
    [
      "proven, whatever is left of other keys",
      ledgerRow(),
      [{ ...shown(replayed), proofs: [{ ...replayed, kid: "old" }, unproven] }],
      true,
      ["proven", 0, undefined],
    ],
    [
      "closed by name",
      ledgerRow({ standing: "acknowledged" }),
      [shown(acknowledged)],
      true,
      ["acknowledged", 0, undefined],
    ],
    [
      "closed by an earlier rotation, also where this run is red",
      ledgerRow({ standing: "closed", closing }),
      [shown(closed)],
      false,
      ["acknowledged", 0, 7],
    ],
    [
      "closed by an earlier rotation, and an instance has come since that owes its proof",
      ledgerRow({ standing: "closed", closing }),
      [shown(unproven)],
      false,
      ["open", 1, 7],
    ],
  ] as const)
    test(title, () => {
      const [entry] = ledgerEntries([row], outcome([...instances], { verified }));
      assert.deepEqual([entry?.status, entry?.left, entry?.closedFor], expected);
    });
});
