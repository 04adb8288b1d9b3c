import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import { LineBudget, openTally, paceLines } from "#operations/base/progress";
import { progressOf, report } from "#operations/base/report";
import { connectDirectly, type Instance } from "#operations/fleet/instances";
import { refreshInstance } from "#operations/fleet/refresh";
import { sweep } from "#operations/fleet/sweep";
import { serve } from "../loopback-server.ts";
import { refreshSettings, runContext } from "../samples.ts";

function mockedClock(t: TestContext) {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 });
  const lines: string[] = [];
  return {
    lines,
    show: (line: string) => void lines.push(line),
    tick: (ms: number) => t.mock.timers.tick(ms),
  };
}

suite("paceLines", () => {
  test("the first line comes at once, then the latest one every two seconds", (t) => {
    const { lines, show, tick } = mockedClock(t);
    const paced = paceLines(show);
    for (let index = 0; index < 100; index += 1) {
      paced.line(`line ${index}`);
      tick(100);
    }
    assert.deepEqual(lines, ["line 0", "line 19", "line 39", "line 59", "line 79", "line 99"]);
  });

  test("a line that waits is shown when its time has come, also where no other follows", (t) => {
    const { lines, show, tick } = mockedClock(t);
    const paced = paceLines(show);
    paced.line("a");
    paced.line("b");
    tick(1_999);
    assert.deepEqual(lines, ["a"]);
    tick(1);
    assert.deepEqual(lines, ["a", "b"]);
  });

  test("what says the same as before is not said again", (t) => {
    const { lines, show, tick } = mockedClock(t);
    const paced = paceLines(show);
    for (let index = 0; index < 5; index += 1) {
      paced.line("a");
      tick(2_000);
    }
    assert.deepEqual(lines, ["a"]);
  });

  test("a line that waits at the end is dropped where it is not wanted", (t) => {
    const { lines, show, tick } = mockedClock(t);
    const paced = paceLines(show);
    paced.line("a");
    paced.line("b");
    paced.close("drop");
    tick(10_000);
    assert.deepEqual(lines, ["a"]);
  });
});

suite("openTally", () => {
  test("work that takes less than two seconds says nothing", (t) => {
    const { lines, show, tick } = mockedClock(t);
    const tally = openTally(show);
    tally.expect("shop", 2, "pods");
    tally.done("a");
    tick(1_900);
    tally.done("b");
    tally.close();
    tick(10_000);
    assert.deepEqual(lines, []);
  });

  test("long work says how far it is every two seconds, who is tried again, and the last number", (t) => {
    const { lines, show, tick } = mockedClock(t);
    const tally = openTally(show);
    tally.expect("shop", 50, "pods");
    for (let index = 0; index < 37; index += 1) tally.done(`pod-${index}`);
    tally.retrying("pod-48", true);
    tally.retrying("pod-49", true);
    tick(2_000);
    tally.retrying("pod-48", false);
    for (let index = 37; index < 50; index += 1) tally.done(`pod-${index}`);
    tick(1_000);
    tally.close();
    assert.deepEqual(lines, ["37/50 pods, 2 retrying", "50/50 pods"]);
  });

  test("several targets are counted together, as instances where not all are pods", (t) => {
    const { lines, show, tick } = mockedClock(t);
    const tally = openTally(show);
    tally.expect("shop", 3, "pods");
    tally.expect("static", 2, "instances");
    tally.expect("shop", 4, "pods");
    tally.done("a");
    tick(2_000);
    assert.deepEqual(lines, ["1/6 instances"]);
  });

  test("five thousand instances in a minute make no more than thirty lines", (t) => {
    const { lines, show, tick } = mockedClock(t);
    const tally = openTally(show);
    tally.expect("shop", 5_000, "pods");
    for (let index = 0; index < 5_000; index += 1) {
      tally.done(`pod-${index}`);
      tick(12);
    }
    tally.close();
    assert.ok(lines.length >= 25 && lines.length <= 31, `${lines.length} lines`);
    assert.equal(lines.at(-1), "5000/5000 pods");
    // Neither a terminal's control characters nor a second line.
    for (const line of lines) assert.match(line, /^[\x20-\x7e]+$/);
  });
});

suite("LineBudget", () => {
  test("twenty lines come at once, then one every two seconds, which counts those left out", (t) => {
    const { tick } = mockedClock(t);
    const budget = new LineBudget();
    const first = Array.from({ length: 30 }, (_, index) => budget.take(`line ${index}`));
    assert.deepEqual([first.filter(Boolean).length, first[20]], [20, undefined]);
    tick(2_000);
    assert.equal(budget.take("late"), "late (10 left out before this)");
    assert.equal(budget.take("too much"), undefined);
    assert.equal(budget.close("done"), "done (1 left out before this)");
  });
});

test("a phase's lines are limited realm by realm, and its summary never is", (t) => {
  const { lines, show } = mockedClock(t);
  t.mock.method(console, "log", show);
  const run = { ...runContext("evidence"), realms: ["shop", "bank"] };
  const progress = progressOf("enforce", run);
  for (let index = 0; index < 500; index += 1) progress(`restarting api-${index}`);
  report("enforce", "500 of 500 instances say they have refreshed", run);
  progressOf("enforce", { ...run, realm: "bank" })("restarting api-0");
  assert.equal(lines.length, 22);
  assert.match(lines[20] ?? "", /^\[shop enforce\] 500 of 500 .*\(480 left out before this\)$/);
  assert.equal(lines[21], "[bank enforce] restarting api-0");
});

test("a long sweep says how far it is, and counts an instance that is asked again as retrying", async (t) => {
  const { url } = await serve(t, (response, _request, count) => {
    response.writeHead(count === 1 ? 500 : 200).end("{}");
  });
  const ready: Instance[] = ["api-1", "api-2", "api-3"].map((name) => ({ name, url }));
  const list = async () => ({ ready, waiting: [], changed: async () => undefined });
  const target = { name: "static", list, connect: connectDirectly };
  let now = 0;
  // Each look at the clock is three seconds later, so that every line has its time.
  t.mock.method(Date, "now", () => (now += 3_000));
  const lines: string[] = [];
  const options = { concurrency: 3, readyTimeoutMs: 0, progress: (line: string) => lines.push(line) };
  const { results } = await sweep([target], options, async (instance) => {
    if (instance.name !== "api-1") return "done";
    return (await refreshInstance(instance, refreshSettings, ["token"], { present: [], absent: [] })).outcome;
  });
  assert.deepEqual(
    results.map(({ value }) => value),
    ["claimed", "done", "done"],
  );
  assert.ok(lines.includes("2/3 instances, 1 retrying"), lines.join("; "));
  assert.equal(lines.at(-1), "3/3 instances");
});
