import assert from "node:assert/strict";
import { test } from "node:test";
import { fixedSeed, planRealms, verbs } from "./sequence-plan.ts";

test("the sequences of the fixed seed have every verb, every kill point, every refusal, and a kill before an emergency", () => {
  const steps = planRealms(fixedSeed).flat(2);
  for (const verb of Object.keys(verbs))
    assert.ok(
      steps.some(({ text }) => text.startsWith(`${verb} (`)),
      verb,
    );
  const count = (found: (string | undefined)[]) => new Set(found.filter(Boolean)).size;
  assert.equal(count(steps.map(({ kill }) => kill?.after)), 9);
  assert.equal(
    count(steps.map(({ prediction }) => (prediction.kind === "refused" ? prediction.because.source : ""))),
    5,
  );
  assert.ok(steps.some(({ instead }) => instead?.mode === "emergency"));
});

test("the same seed gives the same plan, another one another", () => {
  const texts = (seed: number) =>
    planRealms(seed)
      .flat(2)
      .map(({ text }) => text);
  assert.deepEqual(texts(7), texts(7));
  assert.notDeepEqual(texts(7), texts(8));
});
