import type { Evidence } from "../../evidence-schema.ts";
import { type Html, html } from "./html.ts";

/** The picture's measures, in units of its view box. */
export const width = 1000;
export const labelWidth = 200;
export const rowHeight = 22;
const right = 24;

/** From the first thing that happened to the last, in ms of the epoch. */
export interface Scale {
  from: number;
  to: number;
}

export interface Span {
  startedAt: string;
  finishedAt: string;
}

/** Undefined where nothing happened. */
export function scaleOf(evidence: Evidence): Scale | undefined {
  const { phases, verification, exposureWindow: window } = evidence;
  const spans: Span[] = [...phases, ...refreshesOf(evidence), ...restartsOf(evidence)];
  if (verification) spans.push(verification);
  if (window) spans.push({ startedAt: window.from, finishedAt: window.to });
  const from = spans.reduce((first, { startedAt }) => Math.min(first, Date.parse(startedAt)), Infinity);
  const to = spans.reduce((last, { finishedAt }) => Math.max(last, Date.parse(finishedAt)), from + 1);
  return spans.length === 0 ? undefined : { from, to };
}

/** Before the new keys signed, and after. */
export function refreshesOf({ announced, refresh }: Evidence): Evidence["refresh"] {
  return [...(announced?.refresh ?? []), ...refresh];
}

export function restartsOf({ announced, restarts }: Evidence): Evidence["restarts"] {
  return [...(announced?.restarts ?? []), ...restarts];
}

/** Where a time is in the picture. */
export function x(time: string | number, { from, to }: Scale): number {
  const at = typeof time === "number" ? time : Date.parse(time);
  const part = Math.min(1, Math.max(0, (at - from) / (to - from)));
  return round(labelWidth + part * (width - labelWidth - right));
}

export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** A span of time in the row that begins at y; seen also where it is shorter than a pixel. */
export function bar(span: Span, y: number, scale: Scale, kind: string, hint: string): Html {
  const start = x(span.startedAt, scale);
  const length = Math.max(2, round(x(span.finishedAt, scale) - start));
  return html`<rect class="${kind}" x="${start}" y="${y + 4}" width="${length}" height="${rowHeight - 8}"><title>${hint}</title></rect>`;
}

export function label(text: string, y: number): Html {
  const short = text.length > 28 ? `…${text.slice(-27)}` : text;
  return html`<text x="${labelWidth - 8}" y="${y + 15}" text-anchor="end">${short}<title>${text}</title></text>`;
}

/** A cross, drawn: a font may lack it. */
export function cross(atX: number, y: number, hint: string): Html {
  const middle = y + rowHeight / 2;
  return html`<path class="cross" d="M${round(atX - 5)} ${middle - 5}l10 10m0 -10l-10 10"><title>${hint}</title></path>`;
}
