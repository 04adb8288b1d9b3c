import type { Evidence } from "../evidence-schema.ts";
import { buildReport } from "./model/build-report.ts";
import type { Block, Section, Table, Text } from "./model/report.ts";
import { printableText } from "./printable-text.ts";

/** What an auditor reads: evidence.json as Markdown. Pure. */
export function renderReport(evidence: Evidence): string {
  const { title, outcome, failure, notProven, facts, sections } = buildReport(evidence);
  const parts = [
    `# ${escapeText(title)}: ${escapeText(outcome.text)}`,
    ...(failure === undefined ? [] : [escapeText(failure)]),
    ...(notProven ? [renderSection(notProven)] : []),
    renderTable(
      ["", ""],
      facts.map(({ name, value }) => [name, value]),
    ),
    ...sections.map(renderSection),
  ];
  return `${parts.join("\n\n")}\n`;
}

function renderSection({ title, blocks }: Section): string {
  return [`## ${escapeText(title)}`, ...blocks.map(renderBlock)].filter((text) => text !== "").join("\n\n");
}

function renderBlock(block: Block): string {
  switch (block.kind) {
    case "table":
      return renderTable(block.columns, block.rows);
    case "list":
      return block.lines.map((line) => `- ${escapeText(line)}`).join("\n");
    case "sentence":
      return renderText(block.text);
    case "timeline":
      // The picture is in the HTML report only; the table of phases says the same.
      return "";
    default:
      return block satisfies never;
  }
}

function renderTable(columns: readonly string[], rows: Table["rows"]): string {
  const line = (cells: readonly Text[]) => `| ${cells.map(renderText).join(" | ")} |`;
  return [line(columns), `|${" --- |".repeat(columns.length)}`, ...rows.map(line)].join("\n");
}

function renderText(text: Text): string {
  if (typeof text === "string") return escapeText(text);
  return text
    .map((part) => {
      if (typeof part === "string") return escapeText(part);
      return part.kind === "code" ? `\`${part.text}\`` : escapeText(part.text);
    })
    .join("");
}

/** Keeps what instances and people wrote from becoming markup. */
function escapeText(text: string): string {
  return printableText(text)
    .replace(/[|<>`\\[\]!*]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])/g, "\\$&")
    .replace(/\s+/g, " ");
}
