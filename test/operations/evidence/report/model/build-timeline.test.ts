import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { buildEvidence } from "#operations/evidence/build-evidence";
import { timelineOf } from "#operations/evidence/report/model/build-timeline";
import {
  at,
  type FindingsChange,
  findings,
  instanceVerification,
  runContext,
  verification,
} from "../../../samples.ts";

function timeline(change: FindingsChange = {}) {
  return timelineOf(buildEvidence(runContext("evidence"), findings(change), at(40)));
}

const ms = (seconds: number) => Date.parse(at(seconds));

function lanesOf(change: FindingsChange) {
  const instances = timeline(change)?.instances;
  return instances?.kind === "lanes" ? instances.lanes : [];
}

const restart = { because: ["refresh failed"], startedAt: at(16), finishedAt: at(20) };

suite("the timeline", () => {
  test("a run in which nothing happened has none", () => {
    assert.equal(timelineOf(buildEvidence(runContext("evidence"), { phases: [] }, at(1))), undefined);
  });

  test("it runs from the first thing that happened to the last", () => {
    const found = timeline();
    assert.deepEqual([found?.from, found?.to], [ms(0), ms(32)]);
    assert.equal(found?.title, "5 phases in 32 s, exposure window: 18.0 s");
  });

  test("a closed window has its ends, an open one goes on to the end of the picture", () => {
    const text = "exposure window: 18.0 s";
    assert.deepEqual(timeline()?.window, { from: ms(12), to: ms(30), isOpen: false, text });
    const bad = instanceVerification({ verified: false, proof: "unproven" });
    const open = timeline({ verification: verification({ verified: false, instances: [bad] }) });
    assert.deepEqual(open?.window, { from: ms(12), to: ms(32), isOpen: true, text: "exposure window: open" });
  });

  test("a phase is a lane with one bar", () => {
    const hint = "cut-over: done, 4.00 s";
    assert.deepEqual(timeline()?.phases[2], {
      name: "cut-over",
      bars: [{ kind: "phase", outcome: "done", from: ms(10), to: ms(14), hint }],
    });
  });

  test("a restarted workload has a lane, a restarted instance has the restart in its own", () => {
    const restarts = [
      { ...restart, target: "eu", subject: "deployment/shop", outcome: "done" as const },
      { ...restart, subject: "api-1", outcome: "failed" as const },
    ];
    const workloads = timeline({ restarts })?.workloads ?? [];
    assert.deepEqual(
      workloads.map(({ name }) => name),
      ["eu/deployment/shop"],
    );
    const [lane] = lanesOf({ restarts });
    assert.deepEqual(
      lane?.bars.map(({ kind, outcome }) => [kind, outcome]),
      [
        ["refresh", "claimed"],
        ["restart", "failed"],
      ],
    );
  });

  test("an instance has its proof, or why it is not proven", () => {
    const bad = instanceVerification({ instance: "api-2", verified: false, reasons: ["no answer"] });
    const instances = [instanceVerification(), bad];
    const [good, unproven] = lanesOf({ verification: verification({ verified: false, instances }) });
    assert.deepEqual([good?.proof?.at, good?.unproven], [ms(30), undefined]);
    assert.deepEqual([unproven?.proof, unproven?.unproven], [undefined, "not proven: no answer"]);
  });

  test("up to fifty instances have lanes, more have strips that count them", () => {
    const many = (count: number) =>
      timeline({
        verification: verification({
          instances: Array.from({ length: count }, (_, index) =>
            instanceVerification({ instance: `api-${index}`, verified: index > 0 }),
          ),
        }),
      })?.instances;
    assert.equal(many(50)?.kind, "lanes");
    const strips = many(51);
    assert.ok(strips?.kind === "strips");
    assert.deepEqual(
      strips.strips.map(({ name, times }) => [name, times.length]),
      [
        ["reported a refresh", 1],
        ["proven", 50],
      ],
    );
    assert.equal(strips.unproven, "1 not proven");
  });
});
