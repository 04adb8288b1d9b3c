import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  describeRelapses,
  describeWatch,
  isRelapsed,
  isUnresolved,
  type Relapse,
  relapsedKids,
} from "#operations/proof/relapse";
import { at, cleanWatch, relapsedWatch } from "../samples.ts";

const jwks = { url: "https://cdn.example/jwks", kids: ["old"], reads: 5, shownIn: 2, at: at(48) };
const relapse: Relapse = { kid: "old", instance: "api-2", at: at(47) };
const spread = { accepted: 1, rejected: 3, inconclusive: 0 };

suite("a relapse", () => {
  const rows: [title: string, found: Parameters<typeof isRelapsed>[0], is: boolean][] = [
    ["is none where nothing came back", { relapses: [], jwks: [] }, false],
    ["is an instance that accepts the key again", { relapses: [relapse], jwks: [] }, true],
    ["is a JWKS URL that shows the key again", { relapses: [], jwks: [jwks] }, true],
  ];
  for (const [title, found, is] of rows) test(title, () => assert.equal(isRelapsed(found), is));

  for (const [title, watched, is] of [
    [
      "that was found after the last verification is unresolved",
      { relapsed: true, watchedAfter: at(32) },
      true,
    ],
    ["that was found before the last verification is over", { relapsed: true, watchedAfter: at(20) }, false],
    ["that was not found leaves nothing unresolved", { relapsed: false, watchedAfter: at(32) }, false],
    ["that nobody has looked for leaves nothing unresolved", {}, false],
  ] as const)
    test(title, () => assert.equal(isUnresolved(watched, at(32)), is));

  test("names each key that came back once", () => {
    const other = { ...jwks, kids: ["old", "older"] };
    assert.deepEqual(relapsedKids({ relapses: [relapse, relapse], jwks: [other] }), ["old", "older"]);
  });
});

suite("each relapse as a sentence", () => {
  const rows: [title: string, relapses: Relapse[], where: string][] = [
    ["names the instance", [relapse], "api-2"],
    ["names its process", [{ ...relapse, process: "w3", spread }], "api-2 (process w3)"],
    [
      "names all of its processes",
      [
        { ...relapse, process: "w3" },
        { ...relapse, process: "w4" },
      ],
      "api-2 (processes w3, w4)",
    ],
    [
      "says over how many connections, where processes have no name",
      [{ ...relapse, spread }],
      "api-2 (over 1 of 4 connections)",
    ],
    [
      "says nothing of connections where there was one",
      [{ ...relapse, spread: { accepted: 1, rejected: 0, inconclusive: 0 } }],
      "api-2",
    ],
  ];
  for (const [title, relapses, where] of rows)
    test(title, () => {
      const sentence = `${where} accepts retired kid old again (${at(47)})`;
      assert.deepEqual(describeRelapses({ relapses, jwks: [] }), [sentence]);
    });

  test("is one for each instance, key and URL", () => {
    const pods = ["uid-1", "uid-2"].map((uid) => ({ ...relapse, target: "shop", uid }));
    const relapses = [...pods, { ...relapse, kid: "older" }];
    assert.equal(describeRelapses({ relapses, jwks: [jwks, jwks] }).length, 5);
  });
});

suite("the watch in one line", () => {
  for (const [title, watch, line] of [
    ["that found nothing", cleanWatch(), "no relapse in 30 s (6 rounds over 2 instances and 1 JWKS URL)"],
    [
      "that did not hear everybody says so",
      cleanWatch({ unanswered: [{ from: "api-1", count: 2, reason: "timeout" }] }),
      "no relapse in 30 s (6 rounds over 2 instances and 1 JWKS URL); unanswered: 2 questions",
    ],
    [
      "that was cut short says how long it went on",
      cleanWatch({ cutShort: true, finishedAt: at(45), rounds: 2 }),
      "the watch was cut short after 12 of 30 s; no relapse until then (2 rounds over 2 instances and 1 JWKS URL)",
    ],
  ] as const)
    test(title, () => assert.equal(describeWatch(watch), line));

  test("that found a relapse says nothing else", () => {
    assert.match(
      describeWatch(relapsedWatch()),
      /^RELAPSE: api-2 \(process w3\) accepts .*; https:\S+ shows/,
    );
  });
});
