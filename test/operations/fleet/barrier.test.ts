import assert from "node:assert/strict";
import { mock, suite, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { openBarrier } from "#operations/fleet/barrier";

/** Which of some connections may be used by now. */
function watched(arrivals: readonly Promise<void>[]): () => Promise<boolean[]> {
  const passed = arrivals.map(() => false);
  arrivals.forEach((arrival, index) => {
    arrival.then(() => {
      passed[index] = true;
    });
  });
  return async () => {
    await turn();
    return passed;
  };
}

suite("openBarrier", () => {
  test("no connection may be used before all of the round are open", async () => {
    const barrier = openBarrier(3);
    const passed = watched([barrier.arrived(), barrier.arrived()]);
    assert.deepEqual(await passed(), [false, false]);
    await barrier.arrived();
    assert.deepEqual(await passed(), [true, true]);
  });

  test("the others don't wait for a connection that failed", async () => {
    const barrier = openBarrier(2);
    const passed = watched([barrier.arrived()]);
    barrier.failed();
    assert.deepEqual(await passed(), [true]);
  });

  test("one that takes long keeps the others for a second at most", async (t) => {
    t.after(() => mock.timers.reset());
    mock.timers.enable({ apis: ["setTimeout"] });
    const arrival = openBarrier(2).arrived();
    mock.timers.tick(1_000);
    await arrival;
  });

  test("a connection that is made again in the same round may be used at once", async () => {
    const barrier = openBarrier(1);
    await barrier.arrived();
    await barrier.arrived();
  });
});
