import type { Finding } from "#operations/drift/finding";
import { oneLine } from "../one-line.ts";
import type { DriftReport } from "./drift-check.ts";

const words = { clean: "clean", drift: "DRIFT", "could-not-tell": "could not tell" } as const;

/** The report for a terminal or a log. Pure. */
export function renderText(report: DriftReport): string {
  const { stack, checkedAt, outcome, findings } = report;
  const lines = [
    `Stack ${stack}, ${checkedAt}: ${words[outcome]}`,
    ...scopeOf(report).map((line) => `  ${line}`),
    ...findings.flatMap(({ code, severity, realm, what, means, fix }) => [
      "",
      `${severity.toUpperCase()} ${code}${realm ? ` in realm ${realm}` : ""}`,
      `  ${oneLine(what)}`,
      `  means: ${means}`,
      `  fix:   ${fix}`,
    ]),
  ];
  return `${lines.join("\n")}\n`;
}

/** The report as the text of an issue. Text from elsewhere is shown as code, where nothing acts as markup. Pure. */
export function renderMarkdown(report: DriftReport): string {
  const { stack, checkedAt, outcome, findings } = report;
  const shown = findings.slice(0, 100);
  const parts = [
    `**Stack ${code(stack)}: ${words[outcome]}** at ${checkedAt}`,
    scopeOf(report)
      .map((line) => `- ${line}`)
      .join("\n"),
    ...shown.map(section),
    ...(findings.length > shown.length
      ? [`and ${findings.length - shown.length} more: see the job's log`]
      : []),
  ];
  return `${parts.filter(Boolean).join("\n\n")}\n`;
}

function section({ code: name, severity, realm, what, means, fix }: Finding): string {
  const title = `### ${severity}: ${name}${realm ? `, realm ${code(realm)}` : ""}`;
  return `${title}\n\n${code(what)}\n\n${means[0]?.toUpperCase()}${means.slice(1)}.\n\nFix: ${code(fix)}`;
}

function scopeOf({ realms }: DriftReport): string[] {
  return realms.map(
    ({ realm, keys, jwksUris, instances }) =>
      `realm ${realm}: ${keys} signing keys, ${jwksUris} JWKS URLs and ${instances} instances checked`,
  );
}

function code(text: string): string {
  const line = oneLine(text).slice(0, 500);
  const fence = "`".repeat(Math.max(0, ...[...line.matchAll(/`+/g)].map(([run]) => run.length)) + 1);
  const pad = line.includes("`") ? " " : "";
  return `${fence}${pad}${line}${pad}${fence}`;
}
