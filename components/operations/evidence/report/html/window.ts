import type { Evidence } from "../../evidence-schema.ts";
import { type Html, html } from "./html.ts";
import { type Scale, width, x } from "./scale.ts";

/** How long a retired key's tokens were still taken somewhere, in words. */
export function windowText({ exposureWindow: window, retired, verification }: Evidence): string {
  if (window) return `${window.exact ? "" : "at most "}${(window.ms / 1000).toFixed(2)} s`;
  return verification?.verified && retired.length === 0 ? "none: no key was retired" : "open";
}

/** The exposure window behind the picture; where it is open, to the end of it, and dashed. */
export function drawWindow(evidence: Evidence, scale: Scale, height: number): Html {
  const { exposureWindow: window, retired } = evidence;
  const disabled = retired.map(({ disabledAt }) => disabledAt).sort();
  const from = window?.from ?? disabled[0];
  if (from === undefined) return html``;
  const [left, end] = [x(from, scale), x(window?.to ?? scale.to, scale)];
  const text = `exposure window: ${windowText(evidence)}`;
  const isLate = left > width * 0.7;
  return html`<rect class="window${window ? "" : " open"}" x="${left}" y="18" width="${Math.max(2, end - left)}" height="${height}"><title>${text}</title></rect>
<text class="window-text" x="${isLate ? end : left}" y="13" text-anchor="${isLate ? "end" : "start"}">${text}</text>
`;
}
