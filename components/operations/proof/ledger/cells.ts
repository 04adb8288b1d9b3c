import { type Instance, instanceId } from "../../fleet/instances.ts";
import { type Startup, startedAfter } from "../../fleet/read-startup.ts";
import { type BaselineVerdict, baselineGap, canProve } from "../baseline-verdict.ts";
import type { Check } from "../check.ts";
import type { AskableRow, LedgerRow } from "./rows.ts";
import type { Cell, LedgerState } from "./state.ts";

/**
 * What is shown of one instance about one dead key.
 *
 * `replayed`: it accepted a canary token before the key's death, and rejects them now, for the key's sake. `restarted`: it
 * started after the key's death, and its log shows a bootstrap. Weaker: it takes the instance's word. `acknowledged`: the
 * config closes the key by name. `closed`: an earlier run has closed the key, and this instance owes nothing. `unproven`:
 * anything else.
 */
export type CellProof = { kid: string } & (
  | { proof: "replayed" | "restarted"; provenAt: string; kept?: true | undefined }
  | { proof: "acknowledged" | "closed" }
  | { proof: "unproven"; why?: string | undefined }
);

/** What is known of an instance. */
export interface Shown {
  instance: Pick<Instance, "name" | "target" | "uid" | "startedAt" | "restartedAt">;
  /** Where and how it is asked. */
  place: string;
  /** Its answers, each a rejection only where that is for the key's sake. */
  checks: readonly Check[];
  /** What it said of each key while that was trusted. */
  baseline: readonly BaselineVerdict[];
  /** Its start, where that is needed and known. */
  startup?: Startup | undefined;
  /** Names of its processes that have answered. */
  processes: readonly string[];
  /** What earlier runs have shown of it, by kid. */
  cells: LedgerState["cells"];
}

/** What is shown of one instance about one dead key. Pure. */
export function proveCell(row: AskableRow, shown: Shown): CellProof {
  const { kid, standing } = row;
  if (row.isTrustedAgain)
    return { kid, proof: "unproven", why: `can't have dropped kid ${kid}, which somebody has enabled again` };
  if (standing === "acknowledged") return { kid, proof: "acknowledged" };
  const asked = shown.checks.filter(({ subject }) => subject === kid);
  const known = shown.baseline.find((one) => one.kid === kid);
  // That it gives no answer, or accepts the key, its checks say.
  if (asked.some(({ ok }) => !ok)) return { kid, proof: "unproven", why: lastingGap(row, shown, known) };
  if (standing === "closed") return owedLater(row, shown, asked);
  if (isFullyAsked(row, asked) && (canProve(known) || isShownSince(row, shown)))
    return proven(row, shown, "replayed", asked);
  if (isStartedSince(row, shown) && shown.startup?.bootstrap === "seen")
    return proven(row, shown, "restarted", asked);
  const cell = keptCell(row, shown);
  if (cell) return { kid, proof: cell.proof, provenAt: cell.at, kept: true };
  return { kid, proof: "unproven", why: gapOf(row, shown, known) };
}

/**
 * A key that was dead before this rotation began needs not have been accepted by an instance that was away then: it refuses both
 * tokens and accepts their twin, and its probe was seen to say yes and no about another key.
 */
function isShownSince({ kid, isEarlier }: LedgerRow, { baseline }: Shown): boolean {
  return isEarlier === true && baseline.some((known) => known.kid !== kid && canProve(known));
}

/** Both tokens: one that the instance has seen before, and one that it has not. */
function isFullyAsked({ canary }: AskableRow, asked: readonly Check[]): boolean {
  if (!canary) return false;
  return [canary.seen.jti, canary.unseen.jti].every((jti) => asked.some((check) => check.jti === jti));
}

function proven(
  row: AskableRow,
  shown: Shown,
  proof: "replayed" | "restarted",
  asked: readonly Check[],
): CellProof {
  const before = keptCell(row, shown)?.at ?? "";
  // The proof of a process that has ended since says nothing about this one.
  const isSame = proof === "replayed" || before >= (shown.startup?.startedAt ?? "");
  const at = (isSame && before) || lastLook(asked);
  return { kid: row.kid, proof, provenAt: at };
}

function lastLook(asked: readonly Check[]): string {
  const last = asked
    .map(({ at }) => at)
    .toSorted()
    .at(-1);
  return last ?? new Date().toISOString();
}

/** Of a key that an earlier run has closed: whoever refuses it now, or was shown to then, or has started since, owes nothing. */
function owedLater(row: AskableRow, shown: Shown, asked: readonly Check[]): CellProof {
  const { kid, deadSince } = row;
  const isUnknown = shown.cells[kid] === undefined;
  const isShown = asked.length > 0 || isUnknown || cellIn(kid, shown) !== undefined;
  if (isShown || startedAfter(shown.instance, deadSince)) return { kid, proof: "closed" };
  return {
    ...{ kid, proof: "unproven" },
    why: `was not among the instances, or was asked in another way, when it was proven that all refuse kid ${kid}`,
  };
}

function cellIn(kid: string, { instance, place, cells }: Shown): Cell | undefined {
  const id = instanceId(instance);
  return cells[kid]?.find((one) => one.instance === id && one.place === place);
}

/** What an earlier run has shown of the same processes, asked in the same way. */
function keptCell({ kid, keepsCells }: LedgerRow, shown: Shown): Cell | undefined {
  if (!keepsCells) return undefined;
  const { processes } = shown;
  const cell = cellIn(kid, shown);
  // A worker that has come since may have inherited its cache from one that had the key.
  const isAllOld = processes.every((name) => cell?.processes?.includes(name) === true);
  return isAllOld ? cell : undefined;
}

/** Whether an instance started when a key was already dead. */
export function isStartedSince(
  { deadSince }: Pick<LedgerRow, "deadSince">,
  { instance, startup }: Pick<Shown, "instance" | "startup">,
): boolean {
  if (startedAfter(instance, deadSince)) return true;
  // The start of an instance that no platform reports is known from the command that has restarted it.
  const at = instance.startedAt === undefined ? startup?.startedAt : undefined;
  return Date.parse(at ?? "") >= Date.parse(deadSince);
}

/** Whether only its start can prove that an instance refuses a key. Pure. */
export function needsStartup(row: AskableRow, { baseline }: Pick<Shown, "baseline">): boolean {
  if (row.standing !== "open" || row.isTrustedAgain) return false;
  return !row.canary || !canProve(baseline.find(({ kid }) => kid === row.kid));
}

/** Why a better answer would prove nothing either. */
function lastingGap(row: AskableRow, shown: Shown, known: BaselineVerdict | undefined): string | undefined {
  if (row.standing === "closed" || isStartedSince(row, shown)) return undefined;
  return baselineGap(row.kid, known);
}

/** Why nothing proves that an instance refuses a key, a phrase that starts with a verb. */
function gapOf(row: AskableRow, shown: Shown, known: BaselineVerdict | undefined): string | undefined {
  const { kid, expiredAt } = row;
  // Its start-up log is quoted once, not for each key.
  if (isStartedSince(row, shown) && shown.startup) return undefined;
  if (row.canary) return baselineGap(kid, known);
  return expiredAt === undefined
    ? `can't be asked about kid ${kid}, for which there are no canary tokens`
    : `can't be asked about kid ${kid}, whose canary tokens have expired (${expiredAt})`;
}
