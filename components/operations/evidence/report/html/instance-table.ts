import { describeVerdict } from "../../../proof/probe.ts";
import type { Evidence } from "../../evidence-schema.ts";
import { type Html, html, mark, table, when } from "./html.ts";

export type Instance = NonNullable<Evidence["verification"]>["instances"][number];

interface Column {
  name: string;
  cell: (instance: Instance) => Html | string;
  /** Left out where it says nothing of any instance. */
  isOptional?: boolean;
}

/** Every instance; a plain table, to which the script adds sorting and filtering. */
export function instanceTable({ verification, baseline }: Evidence): Html {
  const instances = verification?.instances ?? [];
  if (instances.length === 0) return html`<p>No instance was verified.</p>`;
  const columns = columnsOf(baseline).filter(
    ({ cell, isOptional }) => !isOptional || instances.some((one) => textOf(cell(one)) !== ""),
  );
  const rows = instances.map((one) => columns.map(({ cell }) => cell(one)));
  const head = columns.map(({ name }) => name);
  return html`<div class="controls" hidden><label>Filter <input type="search" id="filter" autocomplete="off"></label>
<label><input type="checkbox" id="unproven"> only those that are not proven</label>
<output id="shown" for="filter unproven"></output></div>
${table("Instances", head, rows, "instances")}`;
}

/** Who is not in the table, and why. */
export function strays({ verification }: Evidence): Html {
  const { unseen = [], departed = [] } = verification ?? {};
  const lost = html`<p class="bad">Could not be looked at, or has no instance: ${unseen.join(", ")}</p>`;
  const gone = html`<p>Verified, and ended before the last look: ${departed.join(", ")}</p>`;
  return html`${unseen.length > 0 ? lost : ""}${departed.length > 0 ? gone : ""}`;
}

/** The script takes the second one for whether the instance is proven. */
function columnsOf(baseline: Evidence["baseline"]): Column[] {
  const before = new Map(baseline.map((one) => [one.uid ?? one.instance, one.verdicts]));
  const asked = (one: Instance) => before.get(one.uid ?? one.instance) ?? [];
  return [
    { name: "Instance", cell: (one) => html`<span class="name">${nameOf(one)}</span>` },
    { name: "Verified", cell: ({ verified }) => mark(verified) },
    { name: "Proof", cell: ({ proof }) => proof },
    { name: "Why not", cell: ({ reasons }) => reasons.join("; "), isOptional: true },
    {
      name: "Before the cut-over",
      cell: (one) => unique(asked(one).map(({ verdict }) => describeVerdict(verdict))) || "not asked",
    },
    { name: "Retired key", cell: (one) => verdicts(one, "retired") || "not asked" },
    { name: "Passive key", cell: (one) => verdicts(one, "passive"), isOptional: true },
    { name: "Fresh token", cell: (one) => verdicts(one, "fresh") || "not asked" },
    { name: "Forged tokens", cell: (one) => verdicts(one, "forged") || "not asked" },
    { name: "Started after it", cell: started, isOptional: true },
    { name: "Proven at", cell: ({ provenAt }) => when(provenAt) },
  ];
}

/** With its target, where it is of one. */
export function nameOf({ target, instance }: { target?: string | undefined; instance: string }): string {
  return target ? `${target}/${instance}` : instance;
}

function verdicts({ checks }: Instance, kind: Instance["checks"][number]["check"]): Html | "" {
  const asked = checks.filter(({ check }) => check === kind);
  const text = unique(asked.map(({ verdict }) => describeVerdict(verdict)));
  if (text === "") return "";
  return asked.every(({ ok }) => ok) ? html`${text}` : html`<span class="bad">${text}</span>`;
}

function started({ startup }: Instance): Html | "" {
  if (!startup) return "";
  if (startup.bootstrap === "missing")
    return html`${when(startup.startedAt)}: <span class="bad">NO BOOTSTRAP in its log</span>`;
  return html`${when(startup.startedAt)}: ${startup.line ?? "bootstrap seen"}`;
}

function textOf(cell: Html | string): string {
  return typeof cell === "string" ? cell : cell.text;
}

function unique(texts: readonly string[]): string {
  return [...new Set(texts)].join(", ");
}
