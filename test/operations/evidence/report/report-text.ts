import type { Block, Report } from "#operations/evidence/report/model/report";
import { plainText } from "#operations/evidence/report/model/text";

/** What a report says, without its layout. */
export interface ReportText {
  headings: string[];
  /** Sentences and lines of lists. */
  lines: string[];
  /** All tables, each as rows of cells; the first row has the columns. */
  tables: string[][][];
}

export function textOfModel({ title, outcome, failure, notProven, facts, sections }: Report): ReportText {
  const all = [...(notProven ? [notProven] : []), ...sections];
  const blocks = all.flatMap((section) => section.blocks);
  return {
    headings: [`${title}: ${outcome.text}`, ...all.map((section) => section.title)].map(oneLine),
    lines: [...(failure === undefined ? [] : [failure]), ...blocks.flatMap(linesOf)].map(oneLine),
    tables: [
      facts.map(({ name, value }) => [name, value].map(oneLine)),
      ...blocks.flatMap((block) =>
        block.kind === "table"
          ? [[[...block.columns], ...block.rows.map((row) => row.map((cell) => oneLine(plainText(cell))))]]
          : [],
      ),
    ],
  };
}

function linesOf(block: Block): string[] {
  if (block.kind === "list") return [...block.lines];
  return block.kind === "sentence" ? [plainText(block.text)] : [];
}

export function textOfMarkdown(report: string): ReportText {
  const paragraphs = report.trimEnd().split("\n\n");
  const tables = paragraphs.filter((text) => text.startsWith("|")).map(cellsOfMarkdown);
  return {
    headings: paragraphs.flatMap((text) => /^#+ (.*)$/s.exec(text)?.[1] ?? []).map(unescapeMarkdown),
    lines: paragraphs
      .filter((text) => !/^[|#]/.test(text))
      .flatMap((text) => (text.startsWith("- ") ? text.split("\n").map((line) => line.slice(2)) : [text]))
      .map(unescapeMarkdown),
    // The facts have no column names.
    tables: tables.map((rows, index) => (index === 0 ? rows.slice(1) : rows)),
  };
}

function cellsOfMarkdown(table: string): string[][] {
  const rows = table.split("\n").map((line) => line.split(/(?<!\\)\|/).slice(1, -1));
  return rows.filter((_, index) => index !== 1).map((row) => row.map(unescapeMarkdown));
}

function unescapeMarkdown(text: string): string {
  return oneLine(text.replaceAll(/(?<!\\)`/g, "").replaceAll(/\\(.)/g, "$1"));
}

export function textOfHtml(page: string): ReportText {
  // The picture and the controls are of the page only.
  const body = (page.split("<main>")[1] ?? "")
    .replaceAll(/<figure>[\s\S]*?<\/figure>/g, "")
    .replaceAll(/<div class="controls"[\s\S]*?<\/div>/g, "");
  const facts = [...body.matchAll(/<dt>([\s\S]*?)<\/dt><dd>([\s\S]*?)<\/dd>/g)];
  const tables = matchesOf(body, /<table[^>]*>([\s\S]*?)<\/table>/g).map((table) =>
    matchesOf(table, /<tr>([\s\S]*?)<\/tr>/g).map((row) =>
      matchesOf(row, /<t[hd][^>]*>([\s\S]*?)<\/t[hd]>/g).map(textOfElement),
    ),
  );
  return {
    headings: matchesOf(body, /<h[12][^>]*>([\s\S]*?)<\/h[12]>/g).map((heading) =>
      textOfElement(heading.replace(" <span", ": <span")),
    ),
    lines: matchesOf(body, /<(?:p|li)(?: [^>]*)?>([\s\S]*?)<\/(?:p|li)>/g).map(textOfElement),
    tables: [facts.map(([, name = "", value = ""]) => [name, value].map(textOfElement)), ...tables],
  };
}

function matchesOf(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, found = ""]) => found);
}

function textOfElement(element: string): string {
  const text = element
    .replaceAll(/<[^>]*>/g, "")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&amp;", "&");
  return oneLine(text);
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}
