import { messageOf } from "../base/errors.ts";
import { report } from "../base/report.ts";
import type { RunContext } from "../base/run-context.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { isTrusted, listSigningKeys, type RealmKey, updateKeyComponent } from "../keys/realm-keys.ts";
import type { Acknowledgement } from "../proof/acknowledgement.ts";
import { marksAfter } from "../proof/ledger/marks.ts";
import { type LedgerRow, ledgerRows } from "../proof/ledger/rows.ts";
import type { LedgerState } from "../proof/ledger/state.ts";
import type { VerificationResult } from "../proof/verify.ts";
import { type Before, detailsOf, type PhaseInputs } from "./phase-request.ts";

/** What is known of dead keys when a verification begins. */
export interface KnownDeaths {
  rows: LedgerRow[];
  state: LedgerState;
  /** Kids of the keys that are trusted now. */
  trustedKids: string[];
  /** Why it may not be complete, a sentence each. */
  problems: string[];
}

/** What the last verification has left; that of an older version has no ledger. */
type LastVerification = { verified: boolean; result: VerificationResult; ledger?: LedgerState } | undefined;

/** Reads the realm's keys, and puts together all that is known of dead ones. Never throws. */
export async function lookAtDeaths(
  admin: KeycloakAdmin,
  inputs: PhaseInputs<{ acknowledge?: Acknowledgement[] }>,
  { findings: { cutover, prepared, phases } }: Before,
  last: LastVerification,
): Promise<KnownDeaths> {
  const { acknowledge = [] } = detailsOf(inputs);
  const { keysAfter = [], completedAt = new Date().toISOString(), retired = [], gone = [] } = cutover ?? {};
  const problems: string[] = [];
  const keys = await listSigningKeys(admin).catch((error: unknown) => {
    problems.push(
      `the realm's keys could not be read, and so not which of them are dead: ${messageOf(error)}`,
    );
    return keysAfter;
  });
  const state = last?.ledger ?? { rows: [], cells: {} };
  const kept = (prepared?.canary.canaries ?? []).map(({ kid }) => kid);
  const [begunAt] = phases.map(({ startedAt }) => startedAt).toSorted();
  const rows = ledgerRows({
    ...{ kept, begunAt },
    cutover: { keysAfter, completedAt, retired, gone },
    ...{ keys, keysAt: new Date().toISOString(), acknowledged: acknowledge.map(({ kid }) => kid), state },
  });
  return { rows, state, trustedKids: keys.filter(isTrusted).map(({ kid }) => kid), problems };
}

/** Whether the config closes a dead key by name. */
export function isAcknowledged(kid: string, rows: readonly LedgerRow[]): boolean {
  return rows.some((row) => row.kid === kid && row.standing === "acknowledged");
}

interface Verified {
  run: RunContext;
  rows: readonly LedgerRow[];
  result: VerificationResult;
}

/**
 * What was found out is marked on the keys, because a lost state would not know it: which deaths are closed, which came
 * back, and since when a key is dead that somebody else has disabled. Never throws: what can't be marked is reported.
 */
export async function markDeaths(admin: KeycloakAdmin, { run, rows, result }: Verified): Promise<void> {
  // As they are now: a watch may have opened one again since the cut-over.
  const keys = await listSigningKeys(admin).catch((): RealmKey[] => []);
  const outcome = { ...result, rotation: run.rotation, at: result.finishedAt };
  for (const key of keys) {
    const marks = marksAfter(
      key,
      rows.find(({ kid }) => kid === key.kid),
      outcome,
    );
    if (!marks) continue;
    await updateKeyComponent(admin, key.componentId, { marks }).catch((error: unknown) =>
      report("verify", `what is known of kid ${key.kid} could not be marked on it: ${messageOf(error)}`, run),
    );
  }
}
