import { closedBy, foundDeadAt } from "./death-marks.ts";
import { killOf } from "./kill-marks.ts";
import { isTrusted, type RealmKey } from "./realm-keys.ts";
import type { DeathCause, PassiveKey, RetiredKey } from "./retired-key.ts";

/** What an earlier look at the realm has left in the state. */
export interface LastLook {
  /** Keys that were dead then, and that nobody had shown the instances to refuse. */
  dead: readonly RetiredKey[];
  /** Keys that were trusted then. */
  trusted: readonly PassiveKey[];
  /** Kids of dead keys that stay listed, even if their deaths are closed by now: this rotation has retired them. Default: none. */
  listed?: readonly string[];
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

function knownTimes({ disabledAt, disabledAtIsExact, deadSince }: RetiredKey, keysAfterAt: string): Times {
  return {
    disabledAt,
    disabledAtIsExact,
    deadSince: deadSince ?? (disabledAtIsExact ? disabledAt : keysAfterAt),
  };
}
