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
    .replaceAll(/(?![\n\t])[\p{Cc}\p{Bidi_Control}]/gu, "\ufffd")
    .replaceAll(/[&<>"']/g, (character) => entities[character] ?? character);
}

type Row = readonly (Html | string)[];

/**
 * A table whose head says what its columns are; nothing where it has no row. It can be scrolled by keyboard.
 *
 * @param label what it is, for who hears it
 */
export function table(label: string, head: readonly string[], rows: readonly Row[], id?: string): Html {
  if (rows.length === 0) return html``;
  const attribute = id === undefined ? html`` : html` id="${id}"`;
  const columns = head.map((text) => html`<th scope="col">${text}</th>`);
  const lines = rows.map((cells) => html`<tr>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>\n`);
  return html`<div class="scroll" role="group" aria-label="${label}" tabindex="0"><table${attribute}><thead><tr>${columns}</tr></thead>
<tbody>
${lines}</tbody></table></div>`;
}

/** A heading and what is below it; nothing where there is nothing. */
export function section(title: string, ...content: readonly Html[]): Html {
  const parts = content.filter(({ text }) => text !== "");
  return parts.length === 0 ? html`` : html`<section><h2>${title}</h2>\n${parts}</section>\n`;
}

/** A list of what went wrong; nothing where nothing did. */
export function failureList(failures: readonly string[]): Html {
  return failures.length === 0
    ? html``
    : html`<ul class="failures">${failures.map((text) => html`<li>${text}</li>`)}</ul>`;
}

/** Told by a word and, in the style, by a shape: not by colour alone. */
export function mark(ok: boolean): Html {
  return ok ? html`<span class="good">yes</span>` : html`<span class="bad">NO</span>`;
}

export function outcome(word: string): Html {
  return word === "failed" ? html`<span class="bad">${word}</span>` : html`${word}`;
}

/** A time that stays in one line; nothing where there is none. */
export function when(time: string | undefined): Html {
  return time === undefined ? html`` : html`<time>${time}</time>`;
}
