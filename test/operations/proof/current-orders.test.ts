import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { currentOrders } from "#operations/proof/current-orders";
import type { EmergencyActions } from "#operations/proof/verification-request";
import { at } from "../samples.ts";

const freeze = { path: "/internal/admin/freeze", on: ["api-1"], since: at(0) };
const deny = { path: "/internal/auth/deny-list", sids: ["s-1"], on: ["api-1"] };
const both: EmergencyActions = { failures: ["a failure"], orders: { freeze, deny } };
const verifiedAt = (seconds: number, verified = true) => ({
  verified,
  result: { finishedAt: at(seconds) },
});

suite("currentOrders", () => {
  for (const [title, last, isLater, expected] of [
    ["nothing was verified yet", undefined, false, { freeze, deny }],
    ["what was frozen before a green verification is thawed", verifiedAt(10), false, { deny }],
    ["what was frozen after it still is", verifiedAt(-10), false, { freeze, deny }],
    ["a red verification thaws nothing", verifiedAt(10, false), false, { freeze, deny }],
    [
      "in a later run every instance must be told again",
      verifiedAt(10, false),
      true,
      { freeze: { ...freeze, on: [] }, deny: { ...deny, on: [] } },
    ],
    [
      "in a later run, what was thawed is not frozen again",
      verifiedAt(10),
      true,
      { deny: { ...deny, on: [] } },
    ],
  ] as const) {
    test(title, () => {
      assert.deepEqual(currentOrders(both, last, isLater), { failures: ["a failure"], orders: expected });
    });
  }

  test("no orders stay no orders", () => {
    const none: EmergencyActions = { failures: [], orders: {} };
    assert.deepEqual(currentOrders(none, verifiedAt(10), true), none);
  });
});
