import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { buildEvidence } from "#operations/evidence/build-evidence";
import { checkReports } from "#operations/evidence/check/reports";
import { renderHtml } from "#operations/evidence/report/html-report";
import { renderReport } from "#operations/evidence/report/markdown";
import { emergency } from "../../evidence-bundles.ts";
import { at, runContext } from "../../samples.ts";

const evidence = buildEvidence(runContext("evidence"), emergency(), at(40));
const [markdown, page] = [renderReport(evidence), renderHtml(evidence)];
const lines = markdown.split("\n").length;

function check(report: string | undefined) {
  const texts = new Map([["report.html", page]]);
  if (report !== undefined) texts.set("report.md", report);
  return checkReports(evidence, texts)
    .filter(({ level }) => level === "error")
    .map(({ what }) => what);
}

suite("a report", () => {
  test("that follows from the evidence is fine, and so is one that is missing: that is found elsewhere", () => {
    assert.deepEqual(check(markdown), []);
    assert.deepEqual(check(undefined), []);
  });

  for (const [title, report, line] of [
    ["whose first line was changed", `#${markdown}`, 1],
    ["whose third line was changed", markdown.split("\n").with(2, "All is well.").join("\n"), 3],
    ["with lines of its own at the end", `${markdown}All is well.\n`, lines],
    ["with an empty line at the end", `${markdown}\n`, lines + 1],
    ["without its end", markdown.split("\n").slice(0, 5).join("\n"), 6],
  ] as const)
    test(`${title} is found, with the line`, () => {
      const [what, ...others] = check(report);
      assert.deepEqual(others, []);
      assert.ok(what?.startsWith(`report.md does not match evidence.json, from line ${line} on: `), what);
    });
});
