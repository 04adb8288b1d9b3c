import type { Evidence } from "../evidence-schema.ts";
import { describeVerdict } from "../probes.ts";
import { type Html, html, table } from "./html.ts";

type Instance = NonNullable<Evidence["verification"]>["instances"][number];

const head = [
  "Instance",
  "Verified",
  "Proof",
  "Before the cut-over",
  "Retired key",
  "Passive key",
  "Fresh token",
  "Forged tokens",
  "Started after it",
  "Proven at",
  "Why not",
];

/** Every instance; a plain table, to which the script adds sorting and filtering. */
export function instanceTable({ verification, baseline }: Evidence): Html {
  const before = new Map(
    baseline.map((one) => [
      one.uid ?? one.instance,
      one.verdicts.map(({ verdict }) => describeVerdict(verdict)),
    ]),
  );
  const rows = (verification?.instances ?? []).map((one) => [
    html`<span class="name">${one.target ? `${one.target}/` : ""}${one.instance}</span>`,
    mark(one.verified),
    one.proof,
    unique(before.get(one.uid ?? one.instance) ?? []),
    ...(["retired", "passive", "fresh", "forged"] as const).map((check) => verdicts(one, check)),
    started(one),
    one.provenAt ?? "",
    one.reasons.join("; "),
  ]);
  if (rows.length === 0) return html`<p>No instance was verified.</p>`;
  return html`<div class="controls" hidden><label>Filter <input type="search" id="filter" autocomplete="off"></label>
<label><input type="checkbox" id="unproven"> only those that are not proven</label>
<output id="shown" aria-live="polite"></output></div>
${table(head, rows, "instances")}`;
}

/** Told by words and shape, not by colour alone. */
export function mark(ok: boolean): Html {
  return ok ? html`<span class="good">✔ yes</span>` : html`<span class="bad">✖ NO</span>`;
}

function verdicts({ checks }: Instance, kind: Instance["checks"][number]["check"]): Html {
  const asked = checks.filter(({ check }) => check === kind);
  const text = unique(asked.map(({ verdict }) => describeVerdict(verdict)));
  return asked.every(({ ok }) => ok) ? html`${text}` : html`<span class="bad">✖ ${text}</span>`;
}

function started({ startup }: Instance): string {
  if (!startup) return "";
  return `${startup.startedAt}: ${startup.bootstrap === "seen" ? (startup.line ?? "bootstrap seen") : "NO BOOTSTRAP in its log"}`;
}

function unique(texts: readonly string[]): string {
  return [...new Set(texts)].join(", ") || "not asked";
}
