import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { ProcessAnswer } from "#operations/fleet/processes";
import type { Verdict } from "#operations/proof/probe";
import { describeSpread, isDivided, type Spread, verdictOfAll, whereDivided } from "#operations/proof/spread";

const accepted: Verdict = { kind: "accepted", status: 200 };
const rejected: Verdict = { kind: "rejected", status: 401 };
const silent: Verdict = { kind: "inconclusive", reason: "HTTP 500" };

type Answer = ProcessAnswer<Verdict>;

/** The answer of a process, which names itself where a name is given. */
function from(value: Verdict, name?: string, of?: number): Answer {
  return { value, ...(name ? { process: { name, ...(of ? { of } : {}) } } : {}) };
}

suite("the verdict of all processes behind an address", () => {
  test("is that of the only connection, without a spread", () => {
    assert.deepEqual(verdictOfAll([from(silent, "w1", 4)], "rejected"), { verdict: silent });
  });

  const rows: [title: string, answers: [Answer, ...Answer[]], expected: "accepted" | "rejected", Verdict][] =
    [
      ["is the expected one where each gave it", [from(rejected), from(rejected)], "rejected", rejected],
      ["is the contrary of one", [from(rejected), from(accepted)], "rejected", accepted],
      [
        "is the contrary of one, before a missing answer",
        [from(silent), from(accepted)],
        "rejected",
        accepted,
      ],
      ["is a rejection, before a missing answer", [from(silent), from(rejected)], "accepted", rejected],
      ["is a missing answer, before the expected one", [from(rejected), from(silent)], "rejected", silent],
      [
        "is the expected one where all that were announced gave it",
        [from(rejected, "w1", 2), from(rejected, "w2", 2)],
        "rejected",
        rejected,
      ],
      [
        "is inconclusive where one that was announced was not heard",
        [from(rejected, "w1", 3), from(rejected, "w2", 3)],
        "rejected",
        { kind: "inconclusive", reason: "only 2 of its 3 processes could be reached" },
      ],
      [
        "is the contrary of one, where others were not heard",
        [from(rejected, "w1", 3), from(accepted, "w2", 3)],
        "rejected",
        accepted,
      ],
    ];
  for (const [title, answers, expected, verdict] of rows)
    test(title, () => assert.deepEqual(verdictOfAll(answers, expected).verdict, verdict));

  test("counts the answers of processes without a name, and says nothing of processes", () => {
    assert.deepEqual(verdictOfAll([from(rejected), from(accepted), from(silent)], "rejected").spread, {
      accepted: 1,
      rejected: 1,
      inconclusive: 1,
    });
  });

  test("says how many are announced only where one says so", () => {
    const { spread } = verdictOfAll([from(rejected, "w1"), from(rejected)], "rejected");
    assert.deepEqual(spread, { accepted: 0, rejected: 2, inconclusive: 0, processes: { w1: "rejected" } });
  });

  test("names what each process answered; a wrong answer is not forgotten for a later right one", () => {
    const answers: [Answer, ...Answer[]] = [
      ...([from(rejected, "w1", 3), from(accepted, "w1", 3), from(rejected, "w1", 3)] as const),
      ...[from(silent, "w2", 3), from(rejected, "w2", 3), from(rejected, "w3", 3)],
    ];
    assert.deepEqual(verdictOfAll(answers, "rejected").spread, {
      ...{ accepted: 1, rejected: 4, inconclusive: 1, announced: 3 },
      processes: { w1: "accepted", w2: "inconclusive", w3: "rejected" },
    });
  });
});

const none: Spread = { accepted: 0, rejected: 0, inconclusive: 0 };

suite("a spread", () => {
  const rows: [title: string, spread: Spread | undefined, isDivided: boolean][] = [
    ["of one connection", undefined, false],
    ["of eight rejections", { ...none, rejected: 8 }, false],
    ["of eight acceptances", { ...none, accepted: 8 }, false],
    ["of no answer", { ...none, inconclusive: 8 }, false],
    ["of one acceptance", { ...none, accepted: 1, rejected: 7 }, true],
    ["of one missing answer", { ...none, rejected: 7, inconclusive: 1 }, true],
  ];
  for (const [title, spread, is] of rows)
    test(`${title} is ${is ? "" : "not "}divided, and ${is ? "says where" : "adds nothing"}`, () => {
      assert.equal(isDivided({ spread }), is);
      assert.equal(whereDivided({ verdict: accepted, spread }) !== "", is);
    });

  for (const [title, spread, words] of [
    ["without names counts connections", {}, "over 1 of 8 connections"],
    [
      "with names counts the processes that gave the answer",
      { processes: { w1: "rejected", w2: "accepted" }, announced: 4 },
      "1 of 4 processes: w2",
    ],
    [
      "of unannounced processes counts those that were heard",
      { processes: { w1: "rejected", w2: "accepted" } },
      "1 of at least 2 processes: w2",
    ],
  ] as const)
    test(title, () => {
      const counted = { accepted: 1, rejected: 6, inconclusive: 1 };
      assert.equal(describeSpread({ ...counted, ...spread }, "accepted"), words);
    });
});
