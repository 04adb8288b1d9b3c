import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { judgeClock } from "#operations/doctor/clock";

const start = Date.UTC(2026, 0, 1, 10, 0, 0, 400);
const ours = { startedAt: start, finishedAt: start + 300 };
const second = Math.floor(start / 1_000) * 1_000;

suite("judgeClock", () => {
  test("what the cut to the second explains is no difference", () => {
    const overASecond = { startedAt: second + 900, finishedAt: second + 1_100 };
    for (const issuedAt of [second, second + 1_000])
      assert.equal(judgeClock("shop", issuedAt, overASecond).seen, "agrees with Keycloak's");
  });

  test("up to 5 s is not worth a warning, more is, in both directions", () => {
    const outcomes = [5, 6, -5, -7].map((seconds) => {
      const { seen, findings } = judgeClock("shop", second + seconds * 1_000, ours);
      return [seen, findings.map(({ code, severity }) => `${severity} ${code}`)];
    });
    assert.deepEqual(outcomes, [
      ["Keycloak's is 5 s ahead", []],
      ["Keycloak's is 6 s ahead", ["warning CLOCKS_DIFFER"]],
      ["Keycloak's is 5 s behind", []],
      ["Keycloak's is 7 s behind", ["warning CLOCKS_DIFFER"]],
    ]);
  });

  test("a token that does not say when it was issued is not good news", () => {
    const { findings } = judgeClock("shop", undefined, ours);
    assert.deepEqual(
      findings.map(({ severity }) => severity),
      ["unknown"],
    );
  });
});
