import type { Evidence } from "../../evidence-schema.ts";
import { type Html, html } from "./html.ts";
import { type Instance, nameOf } from "./instance-table.ts";
import { bar, cross, label, refreshesOf, restartsOf, rowHeight, type Scale, width, x } from "./scale.ts";

/** Part of the picture, and how many rows it takes. */
export interface Rows {
  drawn: Html[];
  count: number;
}

/** A row for each workload that was restarted: its instances before and after are different ones. */
export function drawWorkloads(evidence: Evidence, top: number, scale: Scale): Rows {
  const instances = new Set(evidence.verification?.instances.map(({ instance }) => instance));
  const restarts = restartsOf(evidence).filter(({ subject }) => !instances.has(subject));
  const subjects = [...new Set(restarts.map(({ target, subject }) => nameOf({ target, instance: subject })))];
  const drawn = subjects.map((name, index) => {
    const y = top + index * rowHeight;
    const own = restarts.filter(({ target, subject }) => nameOf({ target, instance: subject }) === name);
    return html`${label(name, y)}${own.map((one) => drawCall(one, "restart", name, y, scale))}\n`;
  });
  return { drawn, count: subjects.length };
}

/** A lane for each instance: when it was refreshed, restarted, proven. */
export function drawLanes(evidence: Evidence, top: number, scale: Scale): Rows {
  const instances = evidence.verification?.instances ?? [];
  const [refreshes, restarts] = [refreshesOf(evidence), restartsOf(evidence)];
  const drawn = instances.map((one, index) => {
    const y = top + index * rowHeight;
    const [name, middle] = [nameOf(one), y + rowHeight / 2];
    const refreshed = refreshes.filter((call) => isOf(call, one));
    const restarted = restarts.filter(({ subject }) => subject === one.instance);
    return html`${label(name, y)}<path class="lane" d="M${x(scale.from, scale)} ${middle}H${x(scale.to, scale)}"/>${[
      ...refreshed.map((call) => drawCall(call, "refresh", name, y, scale)),
      ...restarted.map((call) => drawCall(call, "restart", name, y, scale)),
      drawStart(one, middle, scale),
      drawProof(one, y, scale),
    ]}\n`;
  });
  return { drawn, count: instances.length };
}

function isOf(call: Evidence["refresh"][number], { uid, target, instance }: Instance): boolean {
  return uid ? call.uid === uid : call.instance === instance && call.target === target;
}

export type Call = Evidence["refresh"][number] | Evidence["restarts"][number];

function drawCall(call: Call, kind: "refresh" | "restart", name: string, y: number, scale: Scale): Html {
  const hint = `${kind} of ${name}: ${call.outcome}, ${call.startedAt} to ${call.finishedAt}`;
  const drawn = bar(call, y, scale, `${kind} ${call.outcome}`, hint);
  return call.outcome === "failed" ? html`${drawn}${cross(x(call.finishedAt, scale) + 8, y, hint)}` : drawn;
}

/** A diamond where the process started after the cut-over. */
function drawStart({ startup }: Instance, middle: number, scale: Scale): Html {
  if (!startup) return html``;
  return html`<path class="start" d="M${x(startup.startedAt, scale)} ${middle - 6}l6 6l-6 6l-6 -6z"><title>started ${startup.startedAt}</title></path>`;
}

/** A dot where it was proven; a cross at the end of the lane where it was not. */
function drawProof({ provenAt, verified, reasons }: Instance, y: number, scale: Scale): Html {
  if (!verified) return cross(width - 10, y, `not proven: ${reasons.join("; ")}`);
  if (!provenAt) return html``;
  return html`<circle class="proof" cx="${x(provenAt, scale)}" cy="${y + rowHeight / 2}" r="5"><title>proven ${provenAt}</title></circle>`;
}
