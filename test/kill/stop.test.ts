import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import { Stopped, StopRequest } from "../../scripts/kill/stop.ts";

/** A request that listens, and what it says. Signals are played, and an exit is noted. */
function stopRequest(t: TestContext) {
  const listeners: (() => void)[] = [];
  const said: string[] = [];
  const exits: unknown[] = [];
  t.mock.method(process, "on", (_signal: string, listener: () => void) => listeners.push(listener));
  t.mock.method(process, "exit", (code: unknown) => exits.push(code));
  const stop = new StopRequest((line) => said.push(line));
  stop.listen();
  return { stop, said, exits, interrupt: () => listeners[0]?.() };
}

/** A watch that goes on until it is cut. */
const untilCut = (cut: AbortSignal) =>
  new Promise<string>((resolve) => {
    if (cut.aborted) resolve("cut");
    cut.addEventListener("abort", () => resolve("cut"));
  });

suite("Ctrl-C", () => {
  test("stops a realm at its next safe point, and ends at once the second time", (t) => {
    const { stop, said, exits, interrupt } = stopRequest(t);
    stop.safePoint("shop", "the old keys are ALIVE");
    interrupt();
    assert.match(said.join(), /STOPPING at the next safe point.*\n {2}- realm shop: the old keys are ALIVE/);
    assert.throws(() => stop.safePoint("shop", "the old keys are DEAD"), Stopped);
    interrupt();
    assert.deepEqual(exits, [130]);
  });

  test("in the watch after a proof ends that watch only, and nothing is stopped", async (t) => {
    const { stop, said, exits, interrupt } = stopRequest(t);
    stop.safePoint("shop", "nothing is proven yet");
    const watching = stop.whileWatching("shop", untilCut);
    interrupt();
    assert.equal(await watching, "cut");
    assert.deepEqual([said.length, exits], [1, []]);
    assert.match(said.join(), /The watch of realm shop ends now. What was proven stays proven/);
  });

  test("in the watch of one realm also stops another realm at its next safe point", async (t) => {
    const { stop, said, interrupt } = stopRequest(t);
    stop.safePoint("bank", "the old keys are ALIVE");
    const watching = stop.whileWatching("shop", untilCut);
    interrupt();
    assert.equal(await watching, "cut");
    assert.match(said.join("\n"), /The watch of realm shop ends now[\s\S]*STOPPING[\s\S]*realm bank/);
    assert.throws(() => stop.safePoint("bank", "the old keys are DEAD"), Stopped);
  });

  test("while a realm is verified has its watch end as soon as it begins", async (t) => {
    const { stop, interrupt } = stopRequest(t);
    stop.safePoint("shop", "nothing is proven yet");
    interrupt();
    assert.equal(await stop.whileWatching("shop", untilCut), "cut");
  });

  test("after the watch says that only the reports are still to come", async (t) => {
    const { stop, said, interrupt } = stopRequest(t);
    await stop.whileWatching("shop", async () => "clean");
    interrupt();
    assert.match(said.join(), /Only the reports are still to come/);
  });
});
