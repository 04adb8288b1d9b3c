import { idOf } from "../../../fleet/instances.ts";
import { takesForgeries } from "../../../proof/baseline-verdict.ts";
import { connectionsOf } from "../../../proof/spread.ts";
import type { Evidence } from "../../evidence-schema.ts";
import { sentence } from "./blocks.ts";
import type { Block, Text } from "./report.ts";
import { name, nameOf, plainText, time, verdicts, yesOrNo } from "./text.ts";

export type Instance = NonNullable<Evidence["verification"]>["instances"][number];

interface Column {
  title: string;
  cell: (instance: Instance) => Text;
  /** Left out where it is empty for every instance. */
  isOptional?: boolean;
}

/** Every instance with what it answered, and those that are not among them. */
export function instances({ verification, baseline }: Evidence): Block[] {
  const { instances = [], unseen = [], departed = [] } = verification ?? {};
  return [
    ...(instances.length > 0
      ? [instanceTable(instances, baseline)]
      : [sentence("No instance was verified.")]),
    ...(unseen.length > 0
      ? [bad(`Targets that could not be listed, or have no instance: ${unseen.join(", ")}`)]
      : []),
    ...(departed.length > 0
      ? [sentence(`Verified, but gone before the last check: ${departed.join(", ")}`)]
      : []),
  ];
}

function instanceTable(instances: readonly Instance[], baseline: Evidence["baseline"]): Block {
  const columns = columnsOf(baseline).filter(
    ({ cell, isOptional }) => !isOptional || instances.some((one) => plainText(cell(one)) !== ""),
  );
  return {
    kind: "table",
    label: "Instances",
    columns: columns.map(({ title }) => title),
    rows: instances.map((one) => columns.map(({ cell }) => cell(one))),
    isInstances: true,
  };
}

function columnsOf(baseline: Evidence["baseline"]): Column[] {
  const known = new Map(baseline.map((one) => [idOf(one), one.verdicts]));
  const answered = (one: Instance) => known.get(idOf(one)) ?? [];
  return [
    { title: "Instance", cell: (one) => name(nameOf(one)) },
    { title: "Verified", cell: ({ verified }) => yesOrNo(verified) },
    { title: "Proof", cell: ({ proof }) => proof },
    { title: "Shown earlier", cell: shownEarlier, isOptional: true },
    { title: "Processes", cell: processes, isOptional: true },
    { title: "Why not", cell: ({ reasons }) => reasons.join("; "), isOptional: true },
    {
      title: "Before the cut-over",
      cell: (one) => before(answered(one)),
    },
    { title: "Retired key", cell: (one) => answers(one, "retired") || "not asked" },
    { title: "Control token", cell: (one) => answers(one, "control"), isOptional: true },
    { title: "Keys retired earlier", cell: (one) => answers(one, "earlier"), isOptional: true },
    { title: "Passive key", cell: (one) => answers(one, "passive"), isOptional: true },
    { title: "Fresh token", cell: (one) => answers(one, "fresh") || "not asked" },
    { title: "Forged tokens", cell: (one) => answers(one, "forged") || "not asked" },
    { title: "Started after the cut-over", cell: start, isOptional: true },
    { title: "Proven at", cell: ({ provenAt }) => time(provenAt) },
  ];
}

function before(answered: Evidence["baseline"][number]["verdicts"]): Text {
  const text = verdicts(answered) || "not asked";
  return answered.some(takesForgeries) ? [`${text}; `, { kind: "bad", text: "forged token ACCEPTED" }] : text;
}

/** What an earlier verification has shown of it: the canary tokens of those keys have expired since. */
function shownEarlier({ proofs = [] }: Instance): Text {
  return proofs
    .filter(({ kept }) => kept)
    .map(({ kid, proof, provenAt }) => `kid ${kid} ${proof} at ${provenAt}`)
    .join("; ");
}

/** Empty where it is a single process, as far as is known. */
function processes({ processes = [], checks }: Instance): Text {
  const spreads = checks.flatMap(({ spread }) => spread ?? []);
  const announced = Math.max(0, ...spreads.map((spread) => spread.announced ?? 0));
  if (announced > processes.length)
    return [{ kind: "bad", text: `${processes.length} of ${announced}: ${processes.join(", ")}` }];
  if (processes.length > 0) return `${processes.length}: ${processes.join(", ")}`;
  const most = Math.max(0, ...spreads.map(connectionsOf));
  return most === 0 ? "" : `asked over ${most} connections`;
}

/** Empty where it was not asked. */
function answers({ checks }: Instance, kind: Instance["checks"][number]["check"]): Text {
  const asked = checks.filter(({ check }) => check === kind);
  const text = verdicts(asked);
  return text === "" || asked.every(({ ok }) => ok) ? text : [{ kind: "bad", text }];
}

function start({ startup }: Instance): Text {
  if (!startup) return "";
  const when = { kind: "time", text: startup.startedAt } as const;
  return startup.bootstrap === "missing"
    ? [when, ": ", { kind: "bad", text: "NO BOOTSTRAP in its log" }]
    : [when, `: ${startup.line ?? "bootstrap seen"}`];
}

function bad(text: string): Block {
  return sentence([{ kind: "bad", text }]);
}
