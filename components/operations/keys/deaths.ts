import { closedBy, foundDeadAt } from "./death-marks.ts";
import { killOf } from "./kill-marks.ts";
import { isTrusted, type RealmKey } from "./realm-keys.ts";
import { type DeathCause, deadSinceOf, type PassiveKey, type RetiredKey } from "./retired-key.ts";

/** What an earlier look at the realm has left in the state. */
export interface LastLook {
  /** Keys that were dead then, and that nobody had shown the instances to refuse. */
  dead: readonly RetiredKey[];
  /** Keys that were trusted then. */
  trusted: readonly PassiveKey[];
  /** Kids of dead keys that stay listed, even if their deaths are closed by now: this rotation has retired them. Default: none. */
  listed?: readonly string[];
}

/** What a cut-over has left in the state, as far as it is about keys. */
export interface LeftByCutover {
  retired: readonly RetiredKey[];
  gone?: readonly RetiredKey[];
  deleted?: readonly PassiveKey[];
  keysAfter: readonly RealmKey[];
}

/**
 * What the last cut-over has left for the next. Pure.
 *
 * @param lost keys that were trusted, and that have been removed since
 * @param isRetry whether it was an attempt of this very cut-over: what that has retired stays listed
 */
export function lookBack(
  last: LeftByCutover | undefined,
  lost: readonly PassiveKey[],
  isRetry: boolean,
): LastLook {
  const { retired = [], gone = [], deleted = [], keysAfter = [] } = last ?? {};
  // What the program deleted itself was closed before.
  const isForgotten = ({ kid }: { kid: string }) => deleted.some((key) => key.kid === kid);
  return {
    dead: [...retired, ...gone].filter((key) => !isForgotten(key)),
    trusted: [...keysAfter.filter(isTrusted), ...lost],
    listed: isRetry ? retired.map(({ kid }) => kid) : [],
  };
}

/** What shows which keys are dead, how they died, and when. */
export interface DeathRecord {
  before: { keysBefore: readonly RealmKey[]; keysBeforeAt: string };
  keysAfter: readonly RealmKey[];
  /** When the keys were read last, ISO 8601 UTC. */
  keysAfterAt: string;
  /** By kid, when this run disabled a key, ISO 8601 UTC. Default: it disabled none. */
  disabledAt?: ReadonlyMap<string, string>;
  last: LastLook;
}

/**
 * Every dead key that instances must be shown to refuse, however it died: the disabled keys of the realm whose deaths are not
 * closed, and the keys that were known and that the realm has no more. Pure.
 */
export function deathsIn(record: DeathRecord): RetiredKey[] {
  const { before, keysAfter, last } = record;
  const isThere = ({ kid }: { kid: string }) => keysAfter.some((key) => key.kid === kid);
  const isDue = (key: RealmKey) => closedBy(key) === undefined || last.listed?.includes(key.kid) === true;
  const disabled = keysAfter.filter((key) => !isTrusted(key) && isDue(key));
  const wereDead = [...last.dead, ...before.keysBefore.filter((key) => !isTrusted(key) && isDue(key))];
  const wereTrusted = [...last.trusted, ...before.keysBefore.filter(isTrusted)];
  const gone = [...wereDead, ...wereTrusted].filter((key) => !isThere(key));
  const byKid = new Map(
    [...disabled, ...gone].map(({ kid, algorithm, componentName }) => [
      kid,
      { kid, algorithm, componentName },
    ]),
  );
  return [...byKid.values()].map((key) => ({
    ...key,
    how: causeOf(key.kid, record),
    ...timesOf(key.kid, record),
  }));
}

/**
 * Which of the deaths are this cut-over's, and which keys the realm has no more: of those, this cut-over's are the ones that
 * were trusted until now. Pure.
 */
export function sortDeaths(
  deaths: readonly RetiredKey[],
  { dead, listed = [] }: LastLook,
): { retired: RetiredKey[]; gone: RetiredKey[] } {
  const isKnown = ({ kid }: RetiredKey) => dead.some((key) => key.kid === kid) && !listed.includes(kid);
  const gone = deaths.filter(({ how }) => how === "removed" || how === "deleted");
  const isOurs = (key: RetiredKey) => !gone.includes(key) || (key.how === "removed" && !isKnown(key));
  return { retired: deaths.filter(isOurs), gone };
}

function causeOf(kid: string, { before, keysAfter, last }: DeathRecord): DeathCause {
  const known = last.dead.find((key) => key.kid === kid);
  const key = keysAfter.find((one) => one.kid === kid);
  if (key) return disabledBy(key) ?? known?.how ?? (known ? "rotation" : "by-hand");
  // One that somebody has enabled again since was trusted when it was deleted.
  const wasDead = known && !isAnew(known, before);
  const wasTrusted = last.trusted.some((one) => one.kid === kid) || wasTrustedIn(before.keysBefore, kid);
  return known?.how === "removed" || (wasTrusted && !wasDead) ? "removed" : "deleted";
}

/** Who has disabled a key, by the marks on it. */
function disabledBy(key: RealmKey): DeathCause | undefined {
  if (killOf(key)) return "kill";
  if (key.died !== undefined) return "rotation";
  return key.foundDead === undefined ? undefined : "by-hand";
}

/** Whether a key that was known to be dead was trusted after that. */
function isAnew(
  { kid, disabledAt }: RetiredKey,
  { keysBefore, keysBeforeAt }: DeathRecord["before"],
): boolean {
  return wasTrustedIn(keysBefore, kid) && disabledAt < keysBeforeAt;
}

function wasTrustedIn(keys: readonly RealmKey[], kid: string): boolean {
  return keys.some((key) => key.kid === kid && isTrusted(key));
}

type Times = Required<Pick<RetiredKey, "disabledAt" | "disabledAtIsExact" | "deadSince">>;

function timesOf(kid: string, { before, keysAfter, keysAfterAt, disabledAt, last }: DeathRecord): Times {
  const { keysBefore, keysBeforeAt } = before;
  const exact = disabledAt?.get(kid);
  if (exact !== undefined) return { disabledAt: exact, disabledAtIsExact: true, deadSince: exact };
  const known = last.dead.find((key) => key.kid === kid);
  // One that somebody has enabled again since has died anew.
  if (known && !isAnew(known, before)) return knownTimes(known, keysAfterAt);
  if (wasTrustedIn(keysBefore, kid))
    return { disabledAt: keysBeforeAt, disabledAtIsExact: false, deadSince: keysAfterAt };
  const key = keysAfter.find((one) => one.kid === kid);
  // One that was not there at the first look has come and died since.
  const isNew = key !== undefined && !keysBefore.some((one) => one.kid === kid);
  const found = (key && foundDeadAt(key)) ?? (isNew ? keysAfterAt : keysBeforeAt);
  return { disabledAt: found, disabledAtIsExact: false, deadSince: found };
}

function knownTimes(known: RetiredKey, keysAfterAt: string): Times {
  const { disabledAt, disabledAtIsExact } = known;
  return { disabledAt, disabledAtIsExact, deadSince: deadSinceOf(known, keysAfterAt) };
}
