import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { UndoGuard } from "#operations/doctor/undo-guard";

suite("UndoGuard", () => {
  test("to stop waits for what is under way, and lets nothing else begin", async () => {
    const guard = new UndoGuard();
    const undone = Promise.withResolvers<string>();
    const first = guard.run(() => undone.promise);
    assert.equal(guard.isBusy, true);
    const order: string[] = [];
    const stopped = guard.stop().then(() => order.push("stopped"));
    assert.equal(await guard.run(async () => order.push("began too late")), undefined);
    undone.resolve("undone");
    order.push((await first) ?? "");
    await stopped;
    assert.deepEqual(order, ["undone", "stopped"]);
    assert.deepEqual([guard.isBusy, guard.isStopping], [false, true]);
  });

  test("work that fails fails for its caller, and does not keep the process from stopping", async () => {
    const guard = new UndoGuard();
    await assert.rejects(
      guard.run(() => Promise.reject(new Error("broken"))),
      /broken/,
    );
    await guard.stop();
  });
});
