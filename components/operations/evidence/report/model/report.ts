import type { Timeline } from "./timeline.ts";

/** What a piece of text is, so that a renderer can show it as such. */
export interface Piece {
  kind: "name" | "time" | "code" | "good" | "bad";
  text: string;
}

/** A cell or a sentence. */
export type Text = string | readonly (string | Piece)[];

export interface Table {
  kind: "table";
  label: string;
  columns: readonly string[];
  /** One row at least. */
  rows: readonly (readonly Text[])[];
  /** Whether it is the table of instances, which can be long. Its second column says whether the instance is verified. */
  isInstances?: boolean;
}

export interface List {
  kind: "list";
  /** One at least. */
  lines: readonly string[];
  /** Whether they say what failed. */
  isBad: boolean;
}

export interface Sentence {
  kind: "sentence";
  text: Text;
}

export type Block = Table | List | Sentence | { kind: "timeline"; timeline: Timeline };

export interface Section {
  title: string;
  /** One at least. */
  blocks: readonly Block[];
}

export interface Fact {
  name: string;
  value: string;
}

/** What the reports say. A renderer lays it out: it adds, leaves out and rewords nothing. */
export interface Report {
  title: string;
  outcome: Piece;
  /** Where the run failed, and why. */
  failure?: string;
  /** What failed. None where nothing did. */
  notProven?: Section;
  facts: readonly Fact[];
  sections: readonly Section[];
}
