import { describeDuration } from "../durations.ts";
import type { Evidence } from "../evidence-schema.ts";
import { Html, html } from "./html.ts";

type Instance = NonNullable<Evidence["verification"]>["instances"][number];

const width = 1000;
const labels = 190;
const row = 22;
/** Beyond it a lane each would be a page of its own. */
export const maxLanes = 50;
const bins = 100;

/** From the first thing that happened to the last. */
interface Scale {
  from: number;
  to: number;
}

/** The run as a picture: phases against time, the exposure window, and a lane for each instance, or how dense their proofs are. */
export function timeline(evidence: Evidence): Html {
  const scale = scaleOf(evidence);
  if (!scale) return html``;
  const instances = evidence.verification?.instances ?? [];
  const phases = evidence.phases.map((phase, index) => phaseBar(phase, index, scale));
  const top = phases.length * row + 8;
  const lanes =
    instances.length <= maxLanes
      ? drawLanes(evidence, instances, top, scale)
      : densityStrip(instances, top, scale);
  const height = top + (instances.length <= maxLanes ? instances.length : 2) * row + 30;
  const title = `${evidence.phases.length} phases in ${describeDuration(scale.to - scale.from)}; ${windowText(evidence)}`;
  return html`<figure><div class="scroll" tabindex="0"><svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="timeline-title">
<title id="timeline-title">${title}</title>
${windowBand(evidence, scale, height)}${phases}${lanes}${axis(scale, height)}</svg></div>
<figcaption>${title}. <span class="key refresh"></span> refresh <span class="key restart"></span> restart <span class="key proof"></span> proven <span class="key unproven"></span> not proven</figcaption></figure>`;
}

function windowText({ exposureWindow: window, retired }: Evidence): string {
  if (window) return `exposure window ${window.exact ? "" : "at most "}${(window.ms / 1000).toFixed(1)} s`;
  return retired.length > 0 ? "exposure window open" : "no key was retired";
}

function scaleOf({ phases, exposureWindow, verification, refresh, restarts }: Evidence): Scale | undefined {
  const spans = [...phases, ...refresh, ...restarts, ...(verification ? [verification] : [])];
  const times = [
    ...spans.flatMap(({ startedAt, finishedAt }) => [startedAt, finishedAt]),
    ...(exposureWindow ? [exposureWindow.from, exposureWindow.to] : []),
  ];
  if (times.length === 0) return undefined;
  const from = Math.min(...times.map((time) => Date.parse(time)));
  return { from, to: Math.max(from + 1, ...times.map((time) => Date.parse(time))) };
}

function x(time: string | number, { from, to }: Scale): number {
  const at = typeof time === "number" ? time : Date.parse(time);
  const part = Math.min(1, Math.max(0, (at - from) / (to - from)));
  return Math.round((labels + part * (width - labels - 20)) * 10) / 10;
}

function bar(
  span: { startedAt: string; finishedAt: string },
  y: number,
  scale: Scale,
  kind: string,
  hint: string,
): Html {
  const start = x(span.startedAt, scale);
  const length = Math.max(2, Math.round((x(span.finishedAt, scale) - start) * 10) / 10);
  return html`<rect class="${kind}" x="${start}" y="${y + 4}" width="${length}" height="${row - 8}"><title>${hint}</title></rect>`;
}

function label(text: string, y: number): Html {
  const short = text.length > 26 ? `…${text.slice(-25)}` : text;
  return html`<text x="${labels - 8}" y="${y + 15}" text-anchor="end">${short}</text>`;
}

function phaseBar(phase: Evidence["phases"][number], index: number, scale: Scale): Html {
  const ms = Date.parse(phase.finishedAt) - Date.parse(phase.startedAt);
  const hint = `${phase.phase}: ${phase.outcome}, ${(ms / 1000).toFixed(1)} s`;
  const y = index * row;
  const cross =
    phase.outcome === "failed"
      ? html`<text class="bad" x="${x(phase.finishedAt, scale) + 5}" y="${y + 15}">✖</text>`
      : html``;
  return html`${label(phase.phase, y)}${bar(phase, y, scale, `phase ${phase.outcome}`, hint)}${cross}\n`;
}

function windowBand({ exposureWindow: window }: Evidence, scale: Scale, height: number): Html {
  if (!window) return html``;
  const [from, to] = [x(window.from, scale), x(window.to, scale)];
  return html`<rect class="window" x="${from}" y="0" width="${Math.max(2, to - from)}" height="${height - 26}"><title>exposure window, ${window.from} to ${window.to}</title></rect>\n`;
}

function drawLanes(
  { refresh, restarts }: Evidence,
  instances: readonly Instance[],
  top: number,
  scale: Scale,
): Html {
  const lanes = instances.map((one, index) => {
    const y = top + index * row;
    const refreshed = refresh.filter((call) =>
      one.uid ? call.uid === one.uid : call.instance === one.instance,
    );
    const restarted = restarts.filter(({ subject }) => subject === one.instance);
    const name = one.target ? `${one.target}/${one.instance}` : one.instance;
    return html`${label(name, y)}<line class="lane" x1="${labels}" x2="${width - 20}" y1="${y + row / 2}" y2="${y + row / 2}"/>${refreshed.map((call) => bar(call, y, scale, `refresh ${call.outcome}`, `refresh of ${name}: ${call.outcome}`))}${restarted.map((call) => bar(call, y, scale, `restart ${call.outcome}`, `restart of ${name}: ${call.outcome}`))}${startMark(one, y, scale)}${proofMark(one, y, scale)}\n`;
  });
  return new Html(lanes.map(({ text }) => text).join(""));
}

function startMark({ startup }: Instance, y: number, scale: Scale): Html {
  if (!startup) return html``;
  return html`<rect class="restart" x="${x(startup.startedAt, scale)}" y="${y + 4}" width="4" height="${row - 8}"><title>started ${startup.startedAt}</title></rect>`;
}

/** Told by shape too: a circle where it is proven, a cross where it is not. */
function proofMark({ provenAt, verified }: Instance, y: number, scale: Scale): Html {
  if (verified && provenAt)
    return html`<circle class="proof" cx="${x(provenAt, scale)}" cy="${y + row / 2}" r="5"><title>proven ${provenAt}</title></circle>`;
  if (verified) return html``;
  return html`<text class="bad" x="${width - 16}" y="${y + 15}">✖</text>`;
}

/** How many were proven when, in a hundred steps. */
function densityStrip(instances: readonly Instance[], top: number, scale: Scale): Html {
  const counts = Array<number>(bins).fill(0);
  const step = (scale.to - scale.from) / bins;
  for (const { provenAt, verified } of instances) {
    if (!verified || !provenAt) continue;
    const bin = Math.min(bins - 1, Math.max(0, Math.floor((Date.parse(provenAt) - scale.from) / step)));
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  const most = Math.max(1, ...counts);
  const unproven = instances.filter(({ verified }) => !verified).length;
  const cells = counts.map((count, bin) => {
    if (count === 0) return html``;
    const height = Math.max(2, Math.round((count / most) * (row * 2 - 8)));
    const left = x(scale.from + bin * step, scale);
    return html`<rect class="proof" x="${left}" y="${top + row * 2 - 4 - height}" width="7" height="${height}"><title>${count} proven</title></rect>`;
  });
  const cross =
    unproven > 0
      ? html`<text class="bad" x="${labels + 6}" y="${top + 15}">✖ ${unproven} not proven</text>`
      : html``;
  return html`${label(`${instances.length} instances`, top)}${label("proven when", top + row)}${cells}${cross}\n`;
}

function axis(scale: Scale, height: number): Html {
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) => {
    const at = scale.from + part * (scale.to - scale.from);
    const seconds = ((at - scale.from) / 1000).toFixed(1);
    return html`<text class="tick" x="${x(at, scale)}" y="${height - 6}" text-anchor="middle">+${seconds} s</text>`;
  });
  return html`<line class="lane" x1="${labels}" x2="${width - 20}" y1="${height - 22}" y2="${height - 22}"/>${ticks}`;
}
