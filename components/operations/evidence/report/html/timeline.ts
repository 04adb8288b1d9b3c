import { describeDuration } from "../../../base/durations.ts";
import type { Evidence } from "../../evidence-schema.ts";
import { drawDensity } from "./density.ts";
import { type Html, html } from "./html.ts";
import { drawLanes, drawWorkloads } from "./lanes.ts";
import { legend } from "./legend.ts";
import { bar, cross, label, rowHeight, type Scale, scaleOf, width, x } from "./scale.ts";
import { drawWindow, windowText } from "./window.ts";

/** Beyond it, a lane for each instance would be a page of its own. */
const maxLanes = 50;
const header = 22;
const footer = 36;

/** The run as a picture: phases against time, the exposure window, and what happened to the instances. */
export function timeline(evidence: Evidence): Html {
  const scale = scaleOf(evidence);
  if (!scale) return html``;
  const phases = evidence.phases.map((phase, index) => drawPhase(phase, header + index * rowHeight, scale));
  const top = header + phases.length * rowHeight + 6;
  const workloads = drawWorkloads(evidence, top, scale);
  const below = top + workloads.count * rowHeight;
  const isCrowded = (evidence.verification?.instances.length ?? 0) > maxLanes;
  const instances = isCrowded ? drawDensity(evidence, below, scale) : drawLanes(evidence, below, scale);
  const bottom = below + instances.count * rowHeight;
  const title = `${phases.length} phases in ${describeDuration(scale.to - scale.from)}, exposure window: ${windowText(evidence)}`;
  return html`<figure><div class="scroll" role="group" aria-label="Timeline" tabindex="0"><svg viewBox="0 0 ${width} ${bottom + footer}" role="img" aria-label="${title}">
${drawWindow(evidence, scale, bottom - 14)}${phases}${workloads.drawn}${instances.drawn}${drawAxis(scale, bottom)}</svg></div>
<figcaption>${title}. ${legend}</figcaption></figure>
`;
}

function drawPhase(phase: Evidence["phases"][number], y: number, scale: Scale): Html {
  const ms = Date.parse(phase.finishedAt) - Date.parse(phase.startedAt);
  const hint = `${phase.phase}: ${phase.outcome}, ${(ms / 1000).toFixed(2)} s`;
  const drawn = html`${label(phase.phase, y)}${bar(phase, y, scale, `phase ${phase.outcome}`, hint)}`;
  return phase.outcome === "failed"
    ? html`${drawn}${cross(x(phase.finishedAt, scale) + 9, y, hint)}\n`
    : html`${drawn}\n`;
}

function drawAxis(scale: Scale, y: number): Html {
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) => {
    const at = scale.from + part * (scale.to - scale.from);
    const [left, clock] = [x(at, scale), new Date(at).toISOString().slice(11, 19)];
    return html`<text class="tick" x="${left}" y="${y + 20}" text-anchor="middle">${clock}</text><text class="tick" x="${left}" y="${y + 33}" text-anchor="middle">+${((at - scale.from) / 1000).toFixed(1)} s</text>`;
  });
  return html`<path class="axis" d="M${x(scale.from, scale)} ${y + 6}H${x(scale.to, scale)}"/>${ticks}`;
}
