import Table from "cli-table3";
import type { Answer, AskedInstance } from "#operations/doctor/ask-instance";
import type { Finding, Outcome } from "#operations/doctor/finding";
import { nameOf } from "#operations/doctor/names-by-reason";
import type { DoctorReport } from "#operations/doctor/report";
import { oneLine } from "../one-line.ts";

/** Beyond this number instances are only counted; the JSON has them all. */
const shownInstances = 20;

/** The report for a terminal or a log. Pure. */
export function renderText(report: DoctorReport): string {
  const { stack, checkedAt, tookMs, findings, instances } = report;
  const parts = [
    `Stack ${stack}, ${checkedAt}: ${headline(report)} (${(tookMs / 1_000).toFixed(1)} s; no key was changed)`,
    checksTable(report),
    ...(instances.length > 0 ? [instancesTable(report)] : []),
    ...findings.map(describeFinding),
    ...(findings.length > 0 ? [summary(report)] : []),
  ];
  return parts.join("\n\n");
}

function headline({ findings }: DoctorReport): string {
  const worst = findings[0]?.severity;
  switch (worst) {
    case "critical":
      return "NOT READY: an emergency might leave the stolen key alive";
    case "problem":
      return "NOT READY: an emergency would disable the key, but not do all that it should";
    case "unknown":
      return "NOT SHOWN TO BE READY: not everything could be checked";
    case "warning":
      return "ready, with warnings";
    case undefined:
      return "ready";
    default:
      return worst satisfies never;
  }
}

const outcomeWords: Record<Outcome, string> = {
  critical: "CRITICAL",
  problem: "PROBLEM",
  unknown: "unknown",
  warning: "warning",
  ok: "ok",
  skipped: "-",
};

const plain = {
  style: { head: [], border: [] },
  wordWrap: true,
  // No line between rows.
  chars: { mid: "", "left-mid": "", "mid-mid": "", "right-mid": "" },
};

function checksTable({ checks }: DoctorReport): string {
  const realms = new Set(checks.map(({ realm }) => realm).filter(Boolean));
  const isSeveral = realms.size > 1;
  const head = [...(isSeveral ? ["realm"] : []), "check", "result", "seen"];
  const table = new Table({ ...plain, head, colWidths: [...(isSeveral ? [16] : []), 21, 10, 76] });
  for (const { check, realm, outcome, seen } of checks)
    table.push([...(isSeveral ? [realm] : []), check, outcomeWords[outcome], oneLine(seen)]);
  return table.toString();
}

type Shown = DoctorReport["instances"][number];

/** Those with something wrong come first. */
function instancesTable({ instances }: DoctorReport): string {
  const head = ["instance", "good token", "forged", "expired", "refresh"];
  const wrong = (one: Shown) => (rowOf(one).some((cell) => /[A-Z]{2}/.test(cell)) ? 0 : 1);
  const sorted = instances.toSorted((a, b) => wrong(a) - wrong(b));
  const rows = sorted.slice(0, shownInstances).map((one) => [oneLine(nameOf(one)), ...rowOf(one)]);
  // A name without a space can't be wrapped, and half a name is none.
  const longest = Math.max(...rows.map(([name = ""]) => name.length));
  const table = new Table({ ...plain, head, colWidths: [Math.max(24, longest + 2), 14, 12, 12, 44] });
  table.push(...rows);
  const more = sorted.slice(shownInstances);
  if (more.length === 0) return table.toString();
  const bad = more.filter((one) => wrong(one) === 0).length;
  const what = bad > 0 ? `${bad} of them not as they should be` : "all as they should be";
  return `${table}\nand ${more.length} more instances, ${what}; --json FILE lists them all`;
}

function rowOf({ answers, refresh }: AskedInstance): string[] {
  return [
    cell(answers, "good", "accepted"),
    cell(answers, "forged", "rejected"),
    cell(answers, "expired", "rejected"),
    refreshCell(refresh),
  ];
}

/** The worst of the answers, one for each algorithm; capitals where it is not what it should be. */
function cell(answers: readonly Answer[], token: Answer["token"], expected: "accepted" | "rejected"): string {
  const own = answers.filter((answer) => answer.token === token).map(({ verdict }) => verdict);
  const worst = own.find(({ kind }) => kind !== expected) ?? own[0];
  if (!worst) return "not asked";
  if (worst.kind === expected) return expected;
  if (worst.kind !== "inconclusive") return worst.kind.toUpperCase();
  return worst.unanswered ? "NO ANSWER" : `UNCLEAR: ${oneLine(worst.reason)}`;
}

function refreshCell(refresh: AskedInstance["refresh"]): string {
  if (!refresh) return "not called";
  return refresh.outcome === "done" ? "done" : `FAILED: ${oneLine(refresh.reason ?? refresh.outcome)}`;
}

function describeFinding({ code, severity, realm, what, emergency, next }: Finding): string {
  return [
    `${outcomeWords[severity].toUpperCase()} ${code}${realm ? ` in realm ${realm}` : ""}`,
    `  ${oneLine(what)}`,
    `  in an emergency: ${oneLine(emergency)}`,
    `  next: ${oneLine(next)}`,
  ].join("\n");
}

const nouns = {
  critical: "critical",
  problem: "problem",
  unknown: "not checked",
  warning: "warning",
} as const;

function summary({ findings, outcome }: DoctorReport): string {
  const counts = Object.entries(nouns).flatMap(([severity, noun]) => {
    const count = findings.filter((one) => one.severity === severity).length;
    const plural = count > 1 && (noun === "problem" || noun === "warning") ? "s" : "";
    return count > 0 ? [`${count} ${noun}${plural}`] : [];
  });
  const then = outcome === "ready" ? "" : ". Do what is said at next, then run this check again";
  return `${outcome === "ready" ? "Ready" : "Not ready"}: ${counts.join(", ")}${then}.`;
}
