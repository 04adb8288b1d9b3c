/** Text that is HTML already. Only {@link html} makes it, so that nothing gets into a page unescaped. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = Html | string | number | undefined | readonly (Html | string)[];

/** A tagged template: what is put in is escaped, unless it is HTML of another such template. */
export function html(texts: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(
    texts.map((text, index) => text + (index < parts.length ? textOf(parts[index]) : "")).join(""),
  );
}

function textOf(part: Part): string {
  if (part === undefined) return "";
  if (part instanceof Html) return part.text;
  if (typeof part === "string" || typeof part === "number") return escapeText(String(part));
  return part.map(textOf).join("");
}

const entities: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Controls, and the marks that turn the direction of text, could make a page say what it does not. */
function escapeText(text: string): string {
  return text
    .replaceAll(/(?![\n\t])[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, "\ufffd")
    .replaceAll(/[&<>"']/g, (character) => entities[character] ?? character);
}

/** A table whose head says what its columns are; nothing where it has no row. */
export function table(
  head: readonly string[],
  rows: readonly (readonly (Html | string)[])[],
  id?: string,
): Html {
  if (rows.length === 0) return html``;
  const attribute = id === undefined ? html`` : html` id="${id}"`;
  const columns = head.map((text) => html`<th scope="col">${text}</th>`);
  const lines = rows.map((cells) => html`<tr>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>\n`);
  return html`<div class="scroll" tabindex="0"><table${attribute}><thead><tr>${columns}</tr></thead>\n<tbody>\n${lines}</tbody></table></div>`;
}

/** A heading and what is below it; nothing where there is nothing. */
export function section(title: string, ...content: readonly Html[]): Html {
  const text = content.map((one) => one.text).join("\n");
  return text === "" ? html`` : html`<section><h2>${title}</h2>\n${content}</section>\n`;
}
