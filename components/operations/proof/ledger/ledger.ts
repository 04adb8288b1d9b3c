import { idOf } from "../../fleet/instances.ts";
import type { ClosedBy } from "../../keys/death-marks.ts";
import type { RetiredKey } from "../../keys/retired-key.ts";
import type { Check } from "../check.ts";
import type { CellProof } from "./cells.ts";
import type { LedgerRow } from "./rows.ts";
import type { Cell, Closing, LedgerState } from "./state.ts";

/**
 * What is shown of an instance about all dead keys: the weakest of what is shown about each. `nothing-retired`: there is no
 * dead key that it has to be shown to refuse.
 */
export type ProofLevel = "replayed" | "restarted" | "acknowledged" | "nothing-retired" | "unproven";

export interface Judgement {
  proof: ProofLevel;
  /** Proven, fresh tokens accepted, forged ones rejected. */
  verified: boolean;
  /** When it was first seen to refuse all of them, and has at every look since; ISO 8601 UTC. */
  provenAt?: string;
}

/** Pure. */
export function judgeInstance(proofs: readonly CellProof[], checks: readonly Check[]): Judgement {
  const proof = weakest(proofs);
  const verified = proof !== "unproven" && checks.every(({ ok }) => ok);
  if (proof !== "replayed" && proof !== "restarted") return { proof, verified };
  const times = proofs.flatMap((one) => ("provenAt" in one ? one.provenAt : []));
  return { proof, verified, provenAt: times.toSorted().at(-1) ?? "" };
}

const fromTheWeakest = ["unproven", "acknowledged", "restarted", "replayed"] as const;

function weakest(proofs: readonly CellProof[]): ProofLevel {
  return fromTheWeakest.find((level) => proofs.some(({ proof }) => proof === level)) ?? "nothing-retired";
}

/** What a verification has shown of one instance. */
export interface ShownInstance {
  instance: string;
  target?: string | undefined;
  uid?: string | undefined;
  place: string;
  processes?: string[] | undefined;
  checks: readonly Check[];
  proofs: readonly CellProof[];
}

/** How a verification has ended. */
export interface LedgerOutcome {
  /** Whether it is green. */
  verified: boolean;
  rotation: number;
  /** ISO 8601 UTC. */
  at: string;
  instances: readonly ShownInstance[];
  /** Names of targets whose instances could not be listed: what was known of those is kept. `all`: nobody was asked. */
  unlisted: readonly string[] | "all";
}

/** What is known after a verification. Pure. */
export function nextState(
  rows: readonly LedgerRow[],
  before: LedgerState["cells"] | undefined,
  outcome: LedgerOutcome,
): LedgerState {
  const cells = rows.flatMap((row) => {
    const known = before?.[row.kid];
    const list = cellsOf(row, known ?? [], outcome);
    return isForAll(row, known, list) ? [] : [[row.kid, list] as const];
  });
  return {
    rows: rows.map((row) => ({ ...keyOf(row), ...anew(row, outcome), ...closingOf(row, outcome) })),
    cells: Object.fromEntries(cells),
  };
}

/**
 * Whether a key is closed for every instance, also for those that are added later: by name, or by a run of which nobody knows
 * whom it has asked.
 */
function isForAll(
  { standing }: LedgerRow,
  known: readonly Cell[] | undefined,
  list: readonly Cell[],
): boolean {
  if (standing === "acknowledged") return true;
  return standing === "closed" && known === undefined && list.length === 0;
}

/** One that is trusted again will die anew, and not before now. */
function anew({ isTrustedAgain }: LedgerRow, { at }: LedgerOutcome): Partial<RetiredKey> {
  return isTrustedAgain ? { disabledAt: at, disabledAtIsExact: false, deadSince: at } : {};
}

function keyOf(row: LedgerRow): Required<RetiredKey> {
  const { kid, algorithm, componentName, how = "rotation", disabledAt, disabledAtIsExact, deadSince } = row;
  return { kid, algorithm, componentName, how, disabledAt, disabledAtIsExact, deadSince };
}

function closingOf(row: LedgerRow, { verified, rotation, at }: LedgerOutcome): { closing?: Closing } {
  const by = closedNow(row, verified);
  if (by) return { closing: { by, rotation, at } };
  return row.closing && row.keepsCells ? { closing: row.closing } : {};
}

/** What a verification closes. Undefined where it leaves the key as it was. Pure. */
export function closedNow(
  { standing }: Pick<LedgerRow, "standing">,
  verified: boolean,
): ClosedBy | undefined {
  if (!verified || standing === "closed") return undefined;
  return standing === "acknowledged" ? "acknowledged" : "proven";
}

function cellsOf(row: LedgerRow, before: readonly Cell[], { instances, unlisted }: LedgerOutcome): Cell[] {
  const seen = instances.flatMap((one) => cellOf(row, before, one) ?? []);
  const isUnlisted = ({ instance }: Cell) =>
    unlisted === "all" || unlisted.some((target) => instance.startsWith(`${target}/`));
  const kept = row.keepsCells && !row.isTrustedAgain ? before.filter(isUnlisted) : [];
  return [...seen, ...kept.filter(({ instance }) => !seen.some((cell) => cell.instance === instance))];
}

function cellOf(
  { kid, keepsCells, isTrustedAgain }: LedgerRow,
  before: readonly Cell[],
  { place, processes, checks, proofs, ...who }: ShownInstance,
): Cell | undefined {
  const instance = idOf(who);
  const shown = shownNow(kid, { checks, proofs });
  if (shown) return { instance, place, ...shown, ...(processes ? { processes } : {}) };
  // It gave no answer, which takes nothing from what it said before; that it accepts the key does.
  return keepsCells && !isTrustedAgain && !acceptsKid(checks, kid)
    ? before.find((cell) => cell.instance === instance && cell.place === place)
    : undefined;
}

/** By what an instance has shown in this verification that it refuses a key, and when. */
function shownNow(
  kid: string,
  { checks, proofs }: Pick<ShownInstance, "checks" | "proofs">,
): Pick<Cell, "proof" | "at"> | undefined {
  const proof = proofs.find((one) => one.kid === kid);
  if ((proof?.proof === "replayed" || proof?.proof === "restarted") && !proof.kept)
    return { proof: proof.proof, at: proof.provenAt };
  const asked = checks.find(({ check, subject, ok }) => check === "earlier" && subject === kid && ok);
  return proof?.proof === "closed" && asked ? { proof: "replayed", at: asked.at } : undefined;
}

/** Whether an instance accepts a dead key. Pure. */
export function acceptsKid(checks: readonly Check[], kid: string): boolean {
  return checks.some(({ subject, verdict }) => subject === kid && verdict.kind === "accepted");
}

/** A dead key in the report of a verification. */
export interface LedgerEntry extends Required<RetiredKey> {
  /** `open`: not every instance was shown to refuse it. */
  status: "open" | "proven" | "acknowledged";
  /** Where an earlier rotation has closed it. */
  closedFor?: number;
  /** How many instances are not shown to refuse it. */
  left: number;
}

/** All dead keys, and how it stands with each. Pure. */
export function ledgerEntries(rows: readonly LedgerRow[], outcome: LedgerOutcome): LedgerEntry[] {
  return rows.map((row) => {
    const left = outcome.instances.filter(({ proofs }) => isLeft(row, proofs)).length;
    const { closing } = row.standing === "closed" ? row : {};
    return {
      ...keyOf(row),
      left,
      status: left > 0 ? "open" : (closedNow(row, outcome.verified) ?? closing?.by ?? "open"),
      ...(closing ? { closedFor: closing.rotation } : {}),
    };
  });
}

function isLeft({ kid }: LedgerRow, proofs: readonly CellProof[]): boolean {
  return proofs.some((one) => one.kid === kid && one.proof === "unproven");
}
