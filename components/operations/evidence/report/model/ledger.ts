import type { Evidence } from "../../evidence-schema.ts";
import { table } from "./blocks.ts";
import type { Table, Text } from "./report.ts";
import { name, time } from "./text.ts";

type Entry = NonNullable<NonNullable<Evidence["verification"]>["ledger"]>[number];

const causes: Record<NonNullable<Entry["how"]>, string> = {
  rotation: "an up disabled it",
  kill: "npm run kill disabled it",
  "by-hand": "somebody else disabled it",
  removed: "somebody else deleted it while it was trusted",
  deleted: "it was dead when somebody else deleted it",
};

/** Every dead key that is known, and whether all instances are shown to refuse it. */
export function ledgerTable({ verification }: Evidence): Table[] {
  return table(
    "Dead keys",
    ["Kid", "Algorithm", "Key provider", "How it died", "Dead since", "Closed", "Instances left"],
    (verification?.ledger ?? []).map((entry) => [
      name(entry.kid),
      entry.algorithm,
      entry.componentName,
      causes[entry.how ?? "rotation"],
      time(entry.deadSince),
      closed(entry),
      entry.left === 0 ? "0" : [{ kind: "bad", text: String(entry.left) }],
    ]),
  );
}

function closed({ status, closedFor }: Entry): Text {
  const where = closedFor === undefined ? "" : `, by rotation ${closedFor}`;
  if (status === "proven") return `proven${where}`;
  return [{ kind: "bad", text: status === "open" ? "OPEN" : `by acknowledgement, NOT proven${where}` }];
}
