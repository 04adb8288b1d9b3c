import type { Mode } from "../base/run-context.ts";
import { overlapEnd } from "./overlap.ts";
import { type RealmKey, rotationOf } from "./realm-keys.ts";
import { keysToRetire } from "./retiring-keys.ts";
import { rollbackSigners } from "./signers.ts";

export interface RunQuestion {
  rotation: number;
  mode: Mode;
  /** Ticket of the incident; empty where there is none. */
  incident: string;
  algorithms: readonly string[];
  exemptKeys: readonly string[];
  /** How long keys that no longer sign stay trusted, in milliseconds. */
  overlapMs: number;
  /** Rotations whose disabled keys stay in Keycloak when a later one is retired. */
  keepRetired: number;
  /** ISO 8601 UTC. */
  now: string;
}

/** The realm's keys, sorted by what they are to this rotation. */
export interface RunView extends RunQuestion {
  keys: readonly RealmKey[];
  /** The rotation's own keys. */
  fresh: RealmKey[];
  /** The keys that are to sign. In mode rollback empty where there is nothing to go back to. */
  signers: RealmKey[];
  /** Keys that retire, at once or when the overlap ends. */
  others: RealmKey[];
  /** Whether the keys that are to sign do so, for every algorithm. */
  signs: boolean;
  /** End of the overlap that is running or was the last, ISO 8601 UTC. */
  overlapEnd: string | undefined;
}

export function viewRun(keys: readonly RealmKey[], question: RunQuestion): RunView {
  const { rotation, mode, algorithms, exemptKeys } = question;
  const isFresh = ({ componentName }: RealmKey) => rotationOf(componentName) === rotation;
  const fresh = keys.filter(isFresh);
  const isBack = mode === "rollback";
  const signers = isBack ? rollbackSigners(keys, exemptKeys, isFresh) : fresh;
  const signs = isBack
    ? signers.every(({ signing }) => signing)
    : algorithms.every((algorithm) => fresh.some((key) => key.algorithm === algorithm && key.signing));
  const others = keysToRetire(keys, signers, exemptKeys);
  return { ...question, keys, fresh, signers, others, signs, overlapEnd: overlapEnd(keys) };
}

export function isActive({ status }: RealmKey): boolean {
  return status === "ACTIVE";
}
