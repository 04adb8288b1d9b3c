import { listNames } from "../base/list-names.ts";
import { announcedBy, type ProcessAnswer, reachedBy, unreachedProcesses } from "../fleet/processes.ts";
import type { Verdict } from "./probe.ts";

type Kind = Verdict["kind"];

/** How the answers to one question were spread over the processes behind one address. */
export interface Spread extends Record<Kind, number> {
  /** Of the processes that name themselves, what each has answered, by its name. Default: none does. */
  processes?: Record<string, Kind> | undefined;
  /** How many processes there are, as they say. */
  announced?: number | undefined;
}

/** An instance's verdict, and how it came about where it was asked over several connections. */
export interface SpreadVerdict {
  verdict: Verdict;
  spread?: Spread | undefined;
}

/**
 * One verdict for all processes of an instance: the expected one only where each of them gave it, and each that was
 * announced was heard. Pure.
 */
export function verdictOfAll(
  answers: readonly [ProcessAnswer<Verdict>, ...ProcessAnswer<Verdict>[]],
  expected: Kind,
): SpreadVerdict {
  const [first] = answers;
  if (answers.length === 1) return { verdict: first.value };
  const spread = spreadOf(answers, expected);
  const verdicts = answers.map(({ value }) => value);
  const isContrary = ({ kind }: Verdict) => kind !== expected && kind !== "inconclusive";
  const worst = verdicts.find(isContrary) ?? verdicts.find(({ kind }) => kind !== expected);
  if (worst) return { verdict: worst, spread };
  const reason = unreachedProcesses(reachedBy(answers));
  return { verdict: reason === undefined ? first.value : { kind: "inconclusive", reason }, spread };
}

function spreadOf(answers: readonly ProcessAnswer<Verdict>[], expected: Kind): Spread {
  const spread: Spread = { accepted: 0, rejected: 0, inconclusive: 0 };
  const processes = new Map<string, Kind>();
  for (const { value, process } of answers) {
    spread[value.kind] += 1;
    if (!process) continue;
    const known = processes.get(process.name) ?? expected;
    processes.set(process.name, known === expected ? value.kind : known);
  }
  const announced = announcedBy(answers);
  return {
    ...spread,
    ...(processes.size > 0 ? { processes: Object.fromEntries(processes) } : {}),
    ...(announced === undefined ? {} : { announced }),
  };
}

/** Whether the connections had different answers. Pure. */
export function isDivided({ spread }: Pick<SpreadVerdict, "spread">): boolean {
  if (!spread) return false;
  return [spread.accepted, spread.rejected, spread.inconclusive].filter((count) => count > 0).length > 1;
}

/** How many connections were asked over. Pure. */
export function connectionsOf({ accepted, rejected, inconclusive }: Spread): number {
  return accepted + rejected + inconclusive;
}

/** Which processes gave an instance's verdict, where they were not all of one mind; else empty. Pure. */
export function whereDivided({ verdict, spread }: SpreadVerdict): string {
  return spread && isDivided({ spread }) ? describeSpread(spread, verdict.kind) : "";
}

/** How many of an instance's processes have given an answer. Pure. */
export function describeSpread(spread: Spread, kind: Kind): string {
  const { processes, announced } = spread;
  const named = Object.entries(processes ?? {});
  if (named.length === 0) return `over ${spread[kind]} of ${connectionsOf(spread)} connections`;
  const names = named.filter(([, one]) => one === kind).map(([name]) => name);
  return `${names.length} of ${announced ?? `at least ${named.length}`} processes: ${listNames(names)}`;
}
