import type { Bar, Lane, Mark } from "../model/timeline.ts";
import { type Html, html } from "./html.ts";
import { round, rowHeight, type Scale, width, x } from "./scale.ts";
import { cross, label } from "./shapes.ts";

/** A row for each, from `top` on. */
export function drawLanes(lanes: readonly Lane[], top: number, scale: Scale): Html[] {
  return lanes.map((lane, index) => {
    const y = top + index * rowHeight;
    return html`${label(lane.name, y)}${lane.bars.map((bar) => drawBar(bar, y, scale))}\n`;
  });
}

/** The same, with a line to follow and what came of the instance. */
export function drawInstances(lanes: readonly Lane[], top: number, scale: Scale): Html[] {
  return lanes.map(({ name, bars, start, proof, unproven }, index) => {
    const y = top + index * rowHeight;
    const middle = y + rowHeight / 2;
    return html`${label(name, y)}<path class="lane" d="M${x(scale.from, scale)} ${middle}H${x(scale.to, scale)}"/>${[
      ...bars.map((bar) => drawBar(bar, y, scale)),
      ...(start ? [drawStart(start, middle, scale)] : []),
      ...(proof ? [drawProof(proof, middle, scale)] : []),
      ...(unproven === undefined ? [] : [cross(width - 10, y, unproven)]),
    ]}\n`;
  });
}

/** Visible also where it is shorter than a pixel. */
function drawBar({ kind, outcome, from, to, hint }: Bar, y: number, scale: Scale): Html {
  const [left, end] = [x(from, scale), x(to, scale)];
  const length = Math.max(2, round(end - left));
  const drawn = html`<rect class="${kind} ${outcome}" x="${left}" y="${y + 4}" width="${length}" height="${rowHeight - 8}"><title>${hint}</title></rect>`;
  return outcome === "failed" ? html`${drawn}${cross(end + 8, y, hint)}` : drawn;
}

function drawStart({ at, hint }: Mark, middle: number, scale: Scale): Html {
  return html`<path class="start" d="M${x(at, scale)} ${middle - 6}l6 6l-6 6l-6 -6z"><title>${hint}</title></path>`;
}

function drawProof({ at, hint }: Mark, middle: number, scale: Scale): Html {
  return html`<circle class="proof" cx="${x(at, scale)}" cy="${middle}" r="5"><title>${hint}</title></circle>`;
}
