import type { Block, Fact, List, Piece, Report, Section, Table, Text } from "../model/report.ts";
import { type Html, html } from "./html.ts";
import { drawTimeline } from "./timeline.ts";

/** How it ended, and what was not proven: the first things that are seen. */
export function renderHeading({ title, outcome, failure, notProven }: Report): Html {
  return html`<h1>${title} <span class="outcome ${outcome.kind}">${outcome.text}</span></h1>
${failure === undefined ? "" : html`<p class="bad">${failure}</p>\n`}${notProven ? renderNotProven(notProven) : ""}`;
}

function renderNotProven({ title, blocks }: Section): Html {
  return html`<div class="unproven-box"><h2 class="bad">${title}</h2>${blocks.map(renderBlock)}</div>`;
}

export function renderFacts(facts: readonly Fact[]): Html {
  return html`<dl>${facts.map(({ name, value }) => html`<dt>${name}</dt><dd>${value}</dd>\n`)}</dl>`;
}

export function renderSection({ title, blocks }: Section): Html {
  return html`<section><h2>${title}</h2>\n${blocks.map(renderBlock)}</section>\n`;
}

function renderBlock(block: Block): Html {
  switch (block.kind) {
    case "table":
      return block.isInstances ? html`${controls}\n${renderTable(block)}` : renderTable(block);
    case "list":
      return renderList(block);
    case "sentence":
      return html`<p>${renderText(block.text)}</p>`;
    case "timeline":
      return drawTimeline(block.timeline);
    default:
      return block satisfies never;
  }
}

/** The script shows them. */
const controls = html`<div class="controls" hidden><label>Filter <input type="search" id="filter" autocomplete="off"></label>
<label><input type="checkbox" id="unproven"> only those that are not proven</label>
<output id="shown" for="filter unproven"></output></div>`;

/** It can be scrolled by keyboard. */
function renderTable({ label, columns, rows, isInstances }: Table): Html {
  const id = isInstances ? html` id="instances"` : html``;
  const head = columns.map((text) => html`<th scope="col">${text}</th>`);
  const lines = rows.map(
    (cells) => html`<tr>${cells.map((cell) => html`<td>${renderText(cell)}</td>`)}</tr>\n`,
  );
  return html`<div class="scroll" role="group" aria-label="${label}" tabindex="0"><table${id}><thead><tr>${head}</tr></thead>
<tbody>
${lines}</tbody></table></div>`;
}

function renderList({ lines, isBad }: List): Html {
  return html`<ul${isBad ? html` class="failures"` : ""}>${lines.map((text) => html`<li>${text}</li>`)}</ul>`;
}

function renderText(text: Text): Html {
  if (typeof text === "string") return html`${text}`;
  return html`${text.map((part) => (typeof part === "string" ? part : renderPiece(part)))}`;
}

function renderPiece({ kind, text }: Piece): Html {
  switch (kind) {
    case "time":
      return html`<time>${text}</time>`;
    case "code":
      return html`<code>${text}</code>`;
    case "name":
    case "good":
    case "bad":
      return html`<span class="${kind}">${text}</span>`;
    default:
      return kind satisfies never;
  }
}
