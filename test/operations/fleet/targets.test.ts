import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { settingsShape } from "#operations/config/settings-shape";
import { changingTargets, describeTarget, readyTimeoutMs } from "#operations/fleet/targets";

const targets = settingsShape.shape.targets.parse([
  "https://api-1.example.com",
  { kubernetes: { namespace: "shop", selector: "app=shop-api", port: 8080, readyTimeoutSeconds: 7 } },
]);

suite("what is known of targets that were not opened", () => {
  test("pods may come and go, listed URLs do not", () => {
    assert.deepEqual(
      changingTargets(targets).map(({ name }) => name),
      ["shop"],
    );
  });

  test("instances that are not ready are waited for as long as the most patient target asks", () => {
    assert.deepEqual([readyTimeoutMs(targets), readyTimeoutMs(targets.slice(0, 1))], [7_000, 0]);
  });

  test("a message says where to look for a target's instances", () => {
    assert.deepEqual(targets.map(describeTarget), [
      "static",
      "shop (selector app=shop-api in namespace shop)",
    ]);
  });
});
