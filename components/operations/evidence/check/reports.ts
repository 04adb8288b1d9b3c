import type { Evidence } from "../evidence-schema.ts";
import { renderHtml } from "../report/html-report.ts";
import { renderReport } from "../report/markdown.ts";
import { type Finding, judge } from "./finding.ts";

/** What people read is made from evidence.json alone. */
const reports: [name: string, render: (evidence: Evidence) => string][] = [
  ["report.md", renderReport],
  ["report.html", renderHtml],
];

/** Whether the reports are what this program makes of evidence.json. */
export function checkReports(evidence: Evidence, texts: ReadonlyMap<string, string>): Finding[] {
  return reports.flatMap(([name, render]) =>
    judge(`${name} matches evidence.json.`, reportProblems(name, render(evidence), texts.get(name))),
  );
}

function reportProblems(name: string, wanted: string, report: string | undefined): string[] {
  // That it is missing is reported already.
  if (report === undefined) return [];
  const lines = wanted.split("\n");
  const given = report.split("\n");
  const differs = given.findIndex((line, index) => line !== lines[index]);
  const at = differs === -1 ? (given.length === lines.length ? -1 : given.length) : differs;
  if (at === -1) return [];
  return [
    `${name} does not match evidence.json, from line ${at + 1} on: it was changed, or another version of this program wrote it`,
  ];
}
