import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
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

test("nothing else makes an instance id of its own", async () => {
  const folder = new URL("../../../components/", import.meta.url);
  const sources = (await readdir(folder, { recursive: true })).filter((path) => path.endsWith(".ts"));
  // What evidence.json says about instances is a format of its own.
  const others = sources.filter((path) => !/operations\/(evidence|fleet)\//.test(path));
  assert.ok(others.length > 100);
  for (const path of others) {
    assert.doesNotMatch(await readFile(new URL(path, folder), "utf8"), /\buid \?\? /, path);
  }
});
