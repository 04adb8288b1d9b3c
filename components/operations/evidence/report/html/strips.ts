import type { Strip } from "../model/timeline.ts";
import { type Html, html } from "./html.ts";
import { round, rowHeight, type Scale, x } from "./scale.ts";
import { cross, label } from "./shapes.ts";

const bins = 100;
const stripHeight = 2 * rowHeight;

/** How many rows they take. */
export function stripRows(strips: readonly Strip[], unproven: string | undefined): number {
  return strips.length * 2 + (unproven === undefined ? 0 : 1);
}

/** A strip for each, from `top` on: how often it happened, in a hundred steps of time. */
export function drawStrips(
  strips: readonly Strip[],
  unproven: string | undefined,
  top: number,
  scale: Scale,
): Html[] {
  const drawn = strips.map((strip, index) => drawStrip(strip, top + index * stripHeight, scale));
  if (unproven === undefined) return drawn;
  return [...drawn, drawUnproven(unproven, top + strips.length * stripHeight, scale)];
}

/** Its height is that of the busiest step. */
function drawStrip({ kind, isFailed, name, times }: Strip, y: number, scale: Scale): Html {
  const counts = countIn(times, scale);
  const most = Math.max(...counts);
  const step = (scale.to - scale.from) / bins;
  const base = y + stripHeight - 4;
  const cells = counts.map((count, bin) => {
    if (count === 0) return html``;
    const [left, end] = [x(scale.from + bin * step, scale), x(scale.from + (bin + 1) * step, scale)];
    const height = Math.max(2, Math.round((count / most) * (stripHeight - 8)));
    return html`<rect class="${kind}${isFailed ? " failed" : ""}" x="${left}" y="${base - height}" width="${round(end - left)}" height="${height}"><title>${count} ${name}</title></rect>`;
  });
  return html`${label(`${times.length} ${name}`, y + rowHeight / 2)}<path class="lane" d="M${x(scale.from, scale)} ${base}H${x(scale.to, scale)}"/>${cells}\n`;
}

function countIn(times: readonly number[], { from, to }: Scale): number[] {
  const counts = Array<number>(bins).fill(0);
  for (const time of times) {
    const bin = Math.floor(((time - from) / (to - from)) * bins);
    const inside = Math.min(bins - 1, Math.max(0, bin));
    counts[inside] = (counts[inside] ?? 0) + 1;
  }
  return counts;
}

function drawUnproven(text: string, y: number, scale: Scale): Html {
  const left = x(scale.from, scale);
  return html`${cross(left + 6, y, text)}<text class="bad-text" x="${left + 18}" y="${y + 15}">${text}</text>\n`;
}
