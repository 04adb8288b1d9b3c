import assert from "node:assert/strict";
import { test } from "node:test";
import { measureStackSize } from "../../scripts/bench/stack-size.ts";

test("for 1,000 instances, the diff of a bump of rotation fits on a screen, and the state stays small", async () => {
  const { diff, diffLines, checkpointBytes } = await measureStackSize(1_000);
  assert.ok(diffLines <= 80, `${diffLines} lines:\n${diff}`);
  // It was 20.7 MB while each resource carried the instances and all that was found of them.
  assert.ok(checkpointBytes < 2_000_000, `${checkpointBytes} bytes`);
  assert.match(diff, /rotation\s*:? 2 => 3/);
  assert.doesNotMatch(diff, /api-\d/);
});
