import type { Evidence } from "../../evidence-schema.ts";
import { failureList, type Html, html, outcome, table, when } from "./html.ts";
import { nameOf } from "./instance-table.ts";

export function refreshTable(label: string, results: Evidence["refresh"]): Html {
  return table(
    label,
    ["Instance", "Outcome", "Attempts", "Status", "Start", "End", "Kids claimed", "Why not"],
    results.map((one) => [
      html`<span class="name">${nameOf(one)}</span>`,
      outcome(one.outcome),
      String(one.attempts),
      String(one.status ?? ""),
      when(one.startedAt),
      when(one.finishedAt),
      one.kids?.join(", ") ?? "none claimed",
      one.reason ?? "",
    ]),
  );
}

export function restartTable(label: string, restarts: Evidence["restarts"]): Html {
  return table(
    label,
    ["What", "Outcome", "Start", "End", "Why", "Start-up log", "What went wrong"],
    restarts.map((one) => [
      html`<span class="name">${nameOf({ target: one.target, instance: one.subject })}</span>`,
      outcome(one.outcome),
      when(one.startedAt),
      when(one.finishedAt),
      one.because.join("; "),
      one.bootstrap ?? "see Instances",
      one.reason ?? "",
    ]),
  );
}

export function announcement({ announced }: Evidence): Html[] {
  if (!announced) return [];
  const { known, unproven, refresh, restarts } = announced;
  const names = unproven.length > 0 ? `: ${unproven.join(", ")}` : "";
  return [
    html`<p>${known.length} named the new keys in their answer; ${unproven.length} fetched anew and did not say what${names}.</p>`,
    refreshTable("Refresh before the new keys signed", refresh),
    restartTable("Restarts before the new keys signed", restarts),
  ];
}

/** What was called on an instance, and what came of it. */
function callRows(calls: NonNullable<Evidence["freeze"]>["instances"]): (Html | string)[][] {
  return calls.map((one) => [nameOf(one), outcome(one.outcome), when(one.at), one.reason ?? ""]);
}

export function freezeTable({ freeze }: Evidence): Html[] {
  if (!freeze) return [];
  const clients = freeze.clients.map((one) => [`client ${one.clientId}`, one.outcome, when(one.at), ""]);
  const rows = [...clients, ...callRows(freeze.instances)];
  return [failureList(freeze.failures), table("Freeze", ["What", "Outcome", "At", "Why not"], rows)];
}

export function sessionTables({ sessions }: Evidence): Html[] {
  if (!sessions) return [];
  const ended = sessions.ended.map(({ sid, user, because, offline }) => [
    html`<span class="name">${sid}</span>`,
    user ?? "",
    `${because}${offline ? " (offline)" : ""}`,
  ]);
  return [
    failureList(sessions.failures),
    sessions.truncated
      ? html`<p class="bad">More sessions were ended than are listed and denied.</p>`
      : html``,
    table("Ended sessions", ["Session", "User", "Ended because of"], ended),
    table(
      "Instances that were given them",
      ["Denied on", "Outcome", "At", "Why not"],
      callRows(sessions.denied),
    ),
  ];
}
