import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { changed, stepChanged } from "#operations/base/changed";

suite("changed", () => {
  test("names what differs, however deep, and only of what it was asked about", () => {
    const before = { kids: ["a", "b"], realm: "shop", other: 1 };
    const after = { kids: ["a", "c"], realm: "shop", other: 2 };
    assert.deepEqual(changed(before, after, ["kids", "realm"]), ["kids"]);
  });

  test("equal values of different objects are no change", () => {
    assert.deepEqual(changed({ run: { kids: ["a"] } }, { run: { kids: ["a"] } }, ["run"]), []);
  });

  test("a property that has come or gone is a change, and one that neither has is none", () => {
    assert.deepEqual(changed({ a: 1 }, { b: 1 }, ["a", "b", "c"]), ["a", "b"]);
  });
});

interface Step {
  rotation: number;
  realm: string;
  mode: string;
  stage?: string;
}

const overlap: Step = { rotation: 2, realm: "shop", mode: "planned", stage: "overlap" };
const final: Step = { ...overlap, stage: "final" };

const steps: { title: string; before: Step; now: Step; isStep: boolean }[] = [
  { title: "the same run again is no step", before: overlap, now: overlap, isStep: false },
  {
    title: "another rotation is a step",
    before: final,
    now: { ...final, rotation: 3, stage: "overlap" },
    isStep: true,
  },
  {
    title: "an emergency after an emergency is a step where the rotation was bumped",
    before: { ...final, mode: "emergency" },
    now: { ...final, mode: "emergency", rotation: 3 },
    isStep: true,
  },
  { title: "another realm is a step", before: final, now: { ...final, realm: "blog" }, isStep: true },
  { title: "the retirement is a step", before: overlap, now: final, isStep: true },
  {
    title: "a key that was found in the realm after the retirement makes a step",
    before: final,
    now: overlap,
    isStep: true,
  },
  {
    title: "an emergency in mid-overlap is a step",
    before: overlap,
    now: { ...final, mode: "emergency" },
    isStep: true,
  },
  {
    title: "an emergency where nothing is left to retire is none",
    before: final,
    now: { ...final, mode: "emergency" },
    isStep: false,
  },
  {
    title: "planned after an emergency of the same rotation is none",
    before: { ...final, mode: "emergency" },
    now: final,
    isStep: false,
  },
  { title: "a rollback is a step", before: overlap, now: { ...overlap, mode: "rollback" }, isStep: true },
  {
    title: "a rollback that is taken back is a step",
    before: { ...overlap, mode: "rollback" },
    now: overlap,
    isStep: true,
  },
  {
    title: "the retirement of what was rolled back is a step",
    before: { ...overlap, mode: "rollback" },
    now: { ...final, mode: "rollback" },
    isStep: true,
  },
  {
    title: "a state of before there were stages is that of an emergency",
    before: { rotation: 2, realm: "shop", mode: "emergency" },
    now: { ...final, mode: "emergency" },
    isStep: false,
  },
];

suite("stepChanged", () => {
  for (const { title, before, now, isStep } of steps) {
    test(title, () => assert.equal(stepChanged(before, now), isStep));
  }
});
