import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { buildEvidence } from "#operations/evidence/build-evidence";
import type { Evidence } from "#operations/evidence/evidence-schema";
import { renderHtml } from "#operations/evidence/report/html-report";
import { renderReport } from "#operations/evidence/report/markdown";
import { buildReport } from "#operations/evidence/report/model/build-report";
import {
  emergency,
  planned,
  redEmergency,
  restartedEmergency,
  withDenyLists,
} from "../../evidence-bundles.ts";
import { at, findings, instanceVerification, runContext, verification } from "../../samples.ts";
import { everything } from "./everything.ts";
import { textOfHtml, textOfMarkdown, textOfModel } from "./report-text.ts";

const run = runContext("evidence");
const hostile = `| \\| <b>x</b> & "q" 'a' \`code\` [l](http://x) *s* _e_ line\nbreak`;
const hostileInstance = instanceVerification({ instance: hostile, verified: false, reasons: [hostile] });

const bundles: [string, Evidence][] = [
  ["a green emergency", buildEvidence(run, emergency(), at(40))],
  ["a red emergency", buildEvidence(run, redEmergency(), at(40))],
  ["an overlap", buildEvidence({ ...run, mode: "planned", stage: "overlap" }, planned(), at(40))],
  ["a run with a restarted pod", buildEvidence(run, restartedEmergency(), at(40))],
  ["a run with proven deny-lists", buildEvidence(run, withDenyLists(), at(40))],
  ["a run that did everything", buildEvidence(run, findings(everything), at(40))],
  ["a run that ended before it found anything", buildEvidence(run, { phases: [] }, at(40))],
  [
    "a run with hostile text",
    buildEvidence(
      { ...run, reason: hostile, incident: hostile },
      findings({
        verification: verification({ verified: false, instances: [hostileInstance], failures: [hostile] }),
      }),
      at(40),
    ),
  ],
];

suite("report.md and report.html", () => {
  for (const [title, evidence] of bundles) {
    test(`${title}: both have every heading, sentence and row of the model, and no other`, () => {
      const wanted = textOfModel(buildReport(evidence));
      assert.deepEqual(textOfMarkdown(renderReport(evidence)), wanted);
      assert.deepEqual(textOfHtml(renderHtml(evidence)), wanted);
    });
  }
});
