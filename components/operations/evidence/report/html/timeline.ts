import type { Timeline, TimelineWindow } from "../model/timeline.ts";
import { type Html, html } from "./html.ts";
import { drawInstances, drawLanes } from "./lanes.ts";
import { rowHeight, type Scale, width, x } from "./scale.ts";
import { legend } from "./shapes.ts";
import { drawStrips, stripRows } from "./strips.ts";

const header = 22;
const footer = 36;

/** The run as a picture: phases against time, the exposure window, and what happened to the instances. */
export function drawTimeline(timeline: Timeline): Html {
  const { title, window, phases, workloads, instances } = timeline;
  const top = header + phases.length * rowHeight + 6;
  const below = top + workloads.length * rowHeight;
  const bottom = below + rowsOf(instances) * rowHeight;
  const drawn = [
    ...(window ? [drawWindow(window, bottom - 14, timeline)] : []),
    ...drawLanes(phases, header, timeline),
    ...drawLanes(workloads, top, timeline),
    ...(instances.kind === "lanes"
      ? drawInstances(instances.lanes, below, timeline)
      : drawStrips(instances.strips, instances.unproven, below, timeline)),
    drawAxis(timeline, bottom),
  ];
  return html`<figure><div class="scroll" role="group" aria-label="Timeline" tabindex="0"><svg viewBox="0 0 ${width} ${bottom + footer}" role="img" aria-label="${title}">
${drawn}</svg></div>
<figcaption>${title}. ${legend}</figcaption></figure>
`;
}

function rowsOf(instances: Timeline["instances"]): number {
  return instances.kind === "lanes"
    ? instances.lanes.length
    : stripRows(instances.strips, instances.unproven);
}

/** Behind the picture; dashed where it is open. */
function drawWindow({ from, to, isOpen, text }: TimelineWindow, height: number, scale: Scale): Html {
  const [left, end] = [x(from, scale), x(to, scale)];
  const isLate = left > width * 0.7;
  return html`<rect class="window${isOpen ? " open" : ""}" x="${left}" y="18" width="${Math.max(2, end - left)}" height="${height}"><title>${text}</title></rect>
<text class="window-text" x="${isLate ? end : left}" y="13" text-anchor="${isLate ? "end" : "start"}">${text}</text>
`;
}

function drawAxis(scale: Scale, y: number): Html {
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) => {
    const at = scale.from + part * (scale.to - scale.from);
    const [left, clock] = [x(at, scale), new Date(at).toISOString().slice(11, 19)];
    return html`<text class="tick" x="${left}" y="${y + 20}" text-anchor="middle">${clock}</text><text class="tick" x="${left}" y="${y + 33}" text-anchor="middle">+${((at - scale.from) / 1000).toFixed(1)} s</text>`;
  });
  return html`<path class="axis" d="M${x(scale.from, scale)} ${y + 6}H${x(scale.to, scale)}"/>${ticks}`;
}
