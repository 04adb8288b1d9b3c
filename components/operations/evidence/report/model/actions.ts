import type { Evidence } from "../../evidence-schema.ts";
import { failureList, sentence, table } from "./blocks.ts";
import type { Block, Table, Text } from "./report.ts";
import { name, nameOf, outcome, time } from "./text.ts";

export function refreshTable(label: string, results: Evidence["refresh"]): Table[] {
  return table(
    label,
    ["Instance", "Outcome", "Attempts", "Status", "Start", "End", "Kids reported", "Processes", "Why not"],
    results.map((one) => [
      name(nameOf(one)),
      outcome(one.outcome),
      String(one.attempts),
      String(one.status ?? ""),
      time(one.startedAt),
      time(one.finishedAt),
      one.kids?.join(", ") ?? "none",
      reachedProcesses(one),
      one.reason ?? "",
    ]),
  );
}

function reachedProcesses({ reached }: Evidence["refresh"][number]): string {
  if (!reached) return "";
  const { connections, processes, announced } = reached;
  return processes
    ? `${processes.length} of ${announced ?? "an unknown number"}: ${processes.join(", ")}`
    : `over ${connections} connections`;
}

export function restartTable(label: string, restarts: Evidence["restarts"]): Table[] {
  return table(
    label,
    ["What", "Outcome", "Start", "End", "Why", "Start-up log", "What went wrong"],
    restarts.map((one) => [
      name(nameOf({ target: one.target, instance: one.subject })),
      outcome(one.outcome),
      time(one.startedAt),
      time(one.finishedAt),
      one.because.join("; "),
      one.bootstrap ?? "see Instances",
      one.reason ?? "",
    ]),
  );
}

export function announcement({ announced }: Evidence): Block[] {
  if (!announced) return [];
  const { known, unproven, refresh, restarts } = announced;
  const names = unproven.length > 0 ? `: ${unproven.join(", ")}` : "";
  return [
    sentence(
      `Instances that reported the new keys before these signed: ${known.length}. Refreshed without reporting the loaded keys: ${unproven.length}${names}.`,
    ),
    ...refreshTable("Refresh before the new keys signed", refresh),
    ...restartTable("Restarts before the new keys signed", restarts),
  ];
}

export function freeze({ freeze }: Evidence): Block[] {
  if (!freeze) return [];
  const clients = freeze.clients.map((one) => [`client ${one.clientId}`, one.outcome, time(one.at), ""]);
  return [
    ...failureList(freeze.failures),
    ...table("Freeze", ["What", "Outcome", "At", "Why not"], [...clients, ...calls(freeze.instances)]),
  ];
}

export function sessions({ sessions }: Evidence): Block[] {
  if (!sessions) return [];
  const ended = sessions.ended.map(({ sid, user, because, offline }) => [
    name(sid),
    user ?? "",
    `${because}${offline ? " (offline)" : ""}`,
  ]);
  return [
    ...failureList(sessions.failures),
    ...(sessions.truncated ? [tooMany] : []),
    ...table("Ended sessions", ["Session", "User", "Ended because of"], ended),
    ...table(
      "Deny-lists that received them",
      ["Instance", "Outcome", "At", "Why not"],
      calls(sessions.denied),
    ),
  ];
}

const tooMany = sentence([
  { kind: "bad", text: "More sessions were ended than are listed here and on the deny-lists." },
]);

/** What was called on instances, and the result. */
function calls(called: NonNullable<Evidence["freeze"]>["instances"]): Text[][] {
  return called.map((one) => [name(nameOf(one)), outcome(one.outcome), time(one.at), one.reason ?? ""]);
}
