import type { Canary, MintedToken } from "../../canaries/canary.ts";
import { closedBy, closingMark } from "../../keys/death-marks.ts";
import { deathsIn } from "../../keys/deaths.ts";
import { isTrusted, type RealmKey } from "../../keys/realm-keys.ts";
import { deadSinceOf, type RetiredKey } from "../../keys/retired-key.ts";
import type { Closing, LedgerState } from "./state.ts";

/**
 * Where a dead key stands. `open`: each instance has to be shown to refuse it. `closed`: each was, in an earlier run.
 * `acknowledged`: the config says by name that it need not be shown.
 */
export type Standing = "open" | "closed" | "acknowledged";

/** A dead key, and what can show that an instance refuses it. */
export interface LedgerRow extends RetiredKey {
  deadSince: string;
  standing: Standing;
  closing?: Closing | undefined;
  /** Whether it was dead before this rotation began. Default: not. */
  isEarlier?: boolean | undefined;
  /** Whether somebody has enabled it again: then nothing that an instance says of it counts. */
  isTrustedAgain: boolean;
  /** Whether what was shown of it in earlier runs still counts. It does not where a key came back after its proof. */
  keepsCells: boolean;
}

/** What is known of dead keys when a verification begins. */
export interface LedgerSources {
  /** What the last cut-over has left. */
  cutover: {
    keysAfter: readonly RealmKey[];
    completedAt: string;
    retired: readonly RetiredKey[];
    /** Dead keys that the realm has no more. Default: none, in the state of an older version. */
    gone?: readonly RetiredKey[];
  };
  /** The realm's signing keys now, and when they were read, ISO 8601 UTC. */
  keys: readonly RealmKey[];
  keysAt: string;
  /** Kids that the config closes by name. */
  acknowledged: readonly string[];
  /** What the last verification has left. Default: nothing. */
  state?: LedgerState | undefined;
  /** When this rotation began, ISO 8601 UTC. Default: not known. */
  begunAt?: string | undefined;
  /** Kids that there are canary tokens of. Default: none. */
  kept?: readonly string[];
}

/** Every dead key that is known, however it died and whoever knows of it. Pure. */
export function ledgerRows(sources: LedgerSources): LedgerRow[] {
  const { cutover, keys, keysAt, state } = sources;
  const { keysAfter: keysBefore, completedAt: keysBeforeAt, gone = [] } = cutover;
  const retired = cutover.retired.map((key) => ({ ...key, deadSince: deadSinceOf(key, keysBeforeAt) }));
  const listed = retired.map(({ kid }) => kid);
  const dead = deathsIn({
    before: { keysBefore, keysBeforeAt },
    ...{ keysAfter: keys, keysAfterAt: keysAt },
    last: { dead: latest([...retired, ...gone, ...(state?.rows ?? [])]), trusted: [], listed },
  });
  const revived = retired.filter(({ kid }) => keys.some((key) => key.kid === kid && isTrusted(key)));
  const open = [...dead, ...revived].map((key) => rowOf(key, sources));
  const closed = [...(state?.rows ?? []), ...closedElsewhere(sources)].filter(
    ({ kid }) => isDisabledIn(keys, kid) && !open.some((row) => row.kid === kid),
  );
  return [...open, ...closed.map((key) => rowOf(key, sources))].filter((row) => isKept(row, sources));
}

/** Keys that are closed, and not in the state: a run was killed before it was saved, or another one has closed them. */
function closedElsewhere({ keys, keysAt, state, kept = [] }: LedgerSources): RetiredKey[] {
  return keys
    .filter(({ kid }) => kept.includes(kid) && !state?.rows.some((row) => row.kid === kid))
    .map(({ kid, algorithm, componentName }) => ({
      ...{ kid, algorithm, componentName },
      ...{ disabledAt: keysAt, disabledAtIsExact: false, deadSince: keysAt },
    }));
}

/** Of each key, what is known of its last death. */
function latest(dead: readonly RetiredKey[]): RetiredKey[] {
  const byKid = Map.groupBy(dead, ({ kid }) => kid);
  return [...byKid.values()].flatMap((alike) => {
    const [last] = alike.toSorted((a, b) => (b.deadSince ?? "").localeCompare(a.deadSince ?? ""));
    return last ? [last] : [];
  });
}

function isDisabledIn(keys: readonly RealmKey[], kid: string): boolean {
  return keys.some((key) => key.kid === kid && !isTrusted(key));
}

function rowOf(key: RetiredKey, sources: LedgerSources): LedgerRow {
  const { cutover, keys, keysAt, acknowledged, state } = sources;
  const now = keys.find(({ kid }) => kid === key.kid);
  const deadSince = deadSinceOf(key, cutover.completedAt);
  const known = state?.rows.find(({ kid }) => kid === key.kid)?.closing;
  const closing = known && known.at >= deadSince ? known : now && closingOf(now, keysAt);
  const isListed = cutover.retired.some(({ kid }) => kid === key.kid);
  const isMarked = now ? closedBy(now) !== undefined : closing !== undefined;
  // What this very rotation has retired is shown again, closed or not.
  const isOpen = !isMarked || isListed;
  return {
    ...{ ...key, deadSince, closing },
    standing: isOpen ? (acknowledged.includes(key.kid) ? "acknowledged" : "open") : "closed",
    isEarlier: sources.begunAt !== undefined && deadSince < sources.begunAt,
    isTrustedAgain: now !== undefined && isTrusted(now),
    // The mark of one that came back after its proof was opened again.
    keepsCells: isMarked || closing === undefined,
  };
}

/** What has closed a key's death, by its mark. */
function closingOf(key: RealmKey, at: string): Closing | undefined {
  const mark = closingMark(key);
  return mark && { ...mark, at };
}

/** One that is closed and that nothing else remembers need not be remembered here. */
function isKept({ kid, standing }: LedgerRow, { cutover, keys }: LedgerSources): boolean {
  if (standing !== "closed") return true;
  return [...keys, ...cutover.retired, ...(cutover.gone ?? [])].some((key) => key.kid === kid);
}

/** A row with the tokens that instances can be asked with. Secret. */
export interface AskableRow extends LedgerRow {
  /** Its canary tokens. Absent where there are none, or they have expired. */
  canary?: Canary | undefined;
  /** When its canary tokens have expired, ISO 8601 UTC. */
  expiredAt?: string | undefined;
  /** Their twin of the new key. Absent where there is none that they could be told from by their key alone. */
  control?: MintedToken | undefined;
}
