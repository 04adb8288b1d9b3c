import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { describeDuration } from "#operations/base/durations";

const hour = 3_600_000;

const rows: [number, string][] = [
  [0, "0 s"],
  [-5_000, "0 s"],
  [1, "1 s"],
  [59_000, "59 s"],
  [59_001, "1 min"],
  [360_000, "6 min"],
  [250_000, "4 min 10 s"],
  [hour, "1 h"],
  [hour + 1_000, "1 h 1 s"],
  [2 * hour + 300_000, "2 h 5 min"],
  [2 * hour + 301_000, "2 h 5 min"],
  [24 * hour - 1, "1 d"],
  [30 * hour, "1 d 6 h"],
];

suite("describeDuration", () => {
  for (const [ms, said] of rows) {
    test(`${ms} ms are said as ${said}`, () => assert.equal(describeDuration(ms), said));
  }
});
