import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type Instance, identity, idOf, instanceId } from "#operations/fleet/instances";

const pod: Instance = { name: "api-1", url: "http://api-1.shop:8080", target: "shop", uid: "1" };

suite("who an instance is", () => {
  test("is the same for the instance and for what was recorded about it", () => {
    for (const instance of [pod, { name: "api-1", url: "https://api-1" }]) {
      const record = { instance: instance.name, ...identity(instance), verdicts: [] };
      assert.equal(idOf(record), instanceId(instance));
    }
  });

  test("two targets that reach one pod on ports 8080 and 8081 have two instances", () => {
    const admin = { ...pod, target: "shop-admin", url: "http://api-1.shop:8081" };
    assert.notEqual(instanceId(pod), instanceId(admin));
    const records = [pod, admin].map((one) => ({ instance: one.name, ...identity(one) }));
    assert.equal(new Map(records.map((one) => [idOf(one), one])).size, 2);
  });

  test("a later pod with the same name is another instance, and one that was restarted in place is not", () => {
    assert.notEqual(instanceId({ ...pod, uid: "2" }), instanceId(pod));
    const restarted: Instance = { ...pod, startedAt: "2026-01-01T00:00:00.000Z" };
    assert.equal(instanceId(restarted), instanceId(pod));
  });

  test("an instance of the static list is not a pod with the same name", () => {
    assert.notEqual(instanceId({ name: "api-1" }), instanceId(pod));
  });
});
