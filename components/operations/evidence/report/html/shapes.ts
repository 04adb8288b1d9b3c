import { type Html, html } from "./html.ts";
import { labelWidth, round, rowHeight } from "./scale.ts";

/** The name of the row that begins at y. */
export function label(text: string, y: number): Html {
  const short = text.length > 28 ? `…${text.slice(-27)}` : text;
  return html`<text x="${labelWidth - 8}" y="${y + 15}" text-anchor="end">${short}<title>${text}</title></text>`;
}

/** A cross in the row that begins at y. It is drawn: a font may lack it. */
export function cross(x: number, y: number, hint: string): Html {
  const middle = y + rowHeight / 2;
  return html`<path class="cross" d="M${round(x - 5)} ${middle - 5}l10 10m0 -10l-10 10"><title>${hint}</title></path>`;
}

/** The signs of the picture: each has a shape of its own, for those who can't tell the colours apart. */
export const legend: Html = html`${[
  sign(html`<rect class="phase done" x="1" y="3" width="14" height="10"/>`, "phase"),
  sign(html`<rect class="window" x="1" y="1" width="14" height="14"/>`, "exposure window"),
  sign(html`<rect class="refresh" x="1" y="3" width="14" height="10"/>`, "refresh"),
  sign(html`<rect class="restart" x="2" y="4" width="12" height="8"/>`, "restart"),
  sign(html`<path class="start" d="M8 2l6 6l-6 6l-6 -6z"/>`, "started"),
  sign(html`<circle class="proof" cx="8" cy="8" r="5"/>`, "proven"),
  sign(html`<path class="cross" d="M3 3l10 10m0 -10l-10 10"/>`, "failed, or not proven"),
]}`;

function sign(shape: Html, meaning: string): Html {
  return html`<span class="sign"><svg viewBox="0 0 16 16" aria-hidden="true">${shape}</svg> ${meaning}</span> `;
}
