import type { List, Section, Sentence, Table, Text } from "./report.ts";

type Blocks = Section["blocks"];

/** None where no row is. */
export function table(label: string, columns: readonly string[], rows: Table["rows"]): Table[] {
  return rows.length === 0 ? [] : [{ kind: "table", label, columns, rows }];
}

/** What failed; none where nothing did. */
export function failureList(lines: readonly string[]): List[] {
  return lines.length === 0 ? [] : [{ kind: "list", lines, isBad: true }];
}

export function sentence(text: Text): Sentence {
  return { kind: "sentence", text };
}

/** None where it would be empty. */
export function section(title: string, blocks: Blocks): Section[] {
  return blocks.length === 0 ? [] : [{ title, blocks }];
}
