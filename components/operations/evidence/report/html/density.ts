import type { Evidence } from "../../evidence-schema.ts";
import { type Html, html } from "./html.ts";
import type { Call, Rows } from "./lanes.ts";
import { cross, label, refreshesOf, restartsOf, round, rowHeight, type Scale, x } from "./scale.ts";

const bins = 100;

interface Strip {
  kind: string;
  name: string;
  times: string[];
}

/** How many instances were refreshed, restarted and proven when: a strip each, in a hundred steps. */
export function drawDensity(evidence: Evidence, top: number, scale: Scale): Rows {
  const strips = stripsOf(evidence).filter(({ times }) => times.length > 0);
  const drawn = strips.map(({ kind, name, times }, index) => {
    const y = top + index * 2 * rowHeight;
    return html`${label(`${times.length} ${name}`, y + rowHeight / 2)}${drawStrip(times, kind, name, y, scale)}\n`;
  });
  const unproven = evidence.verification?.instances.filter(({ verified }) => !verified).length ?? 0;
  const y = top + strips.length * 2 * rowHeight;
  if (unproven > 0) drawn.push(drawUnproven(`${unproven} not proven`, y, scale));
  return { drawn, count: strips.length * 2 + (unproven > 0 ? 1 : 0) };
}

/** What failed has strips of its own, and is never counted with what went well. */
function stripsOf(evidence: Evidence): Strip[] {
  const instances = evidence.verification?.instances ?? [];
  const names = new Set(instances.map(({ instance }) => instance));
  const refreshes = refreshesOf(evidence);
  const restarts = restartsOf(evidence).filter(({ subject }) => names.has(subject));
  const ends = (calls: readonly Call[], outcome: Call["outcome"]) =>
    calls.filter((call) => call.outcome === outcome).map(({ finishedAt }) => finishedAt);
  return [
    { kind: "refresh", name: "claim a refresh", times: ends(refreshes, "claimed") },
    { kind: "refresh failed", name: "refreshes failed", times: ends(refreshes, "failed") },
    { kind: "restart", name: "restarted", times: ends(restarts, "done") },
    { kind: "restart failed", name: "restarts failed", times: ends(restarts, "failed") },
    {
      kind: "proof",
      name: "proven",
      times: instances.flatMap(({ verified, provenAt }) => (verified && provenAt ? [provenAt] : [])),
    },
  ];
}

/** Its height is that of the busiest step. */
function drawStrip(times: readonly string[], kind: string, name: string, y: number, scale: Scale): Html {
  const counts = countIn(times, scale);
  const most = Math.max(...counts);
  const step = (scale.to - scale.from) / bins;
  const base = y + rowHeight * 2 - 4;
  const cells = counts.map((count, bin) => {
    if (count === 0) return html``;
    const [left, end] = [x(scale.from + bin * step, scale), x(scale.from + (bin + 1) * step, scale)];
    const height = Math.max(2, Math.round((count / most) * (rowHeight * 2 - 8)));
    return html`<rect class="${kind}" x="${left}" y="${base - height}" width="${round(end - left)}" height="${height}"><title>${count} ${name}</title></rect>`;
  });
  return html`<path class="lane" d="M${x(scale.from, scale)} ${base}H${x(scale.to, scale)}"/>${cells}`;
}

function countIn(times: readonly string[], { from, to }: Scale): number[] {
  const counts = Array<number>(bins).fill(0);
  for (const time of times) {
    const bin = Math.floor(((Date.parse(time) - from) / (to - from)) * bins);
    const inside = Math.min(bins - 1, Math.max(0, bin));
    counts[inside] = (counts[inside] ?? 0) + 1;
  }
  return counts;
}

function drawUnproven(text: string, y: number, scale: Scale): Html {
  const left = x(scale.from, scale);
  return html`${cross(left + 6, y, text)}<text class="bad-text" x="${left + 18}" y="${y + 15}">${text}</text>\n`;
}
