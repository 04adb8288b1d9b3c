import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { activate, seeSigners } from "./activate.ts";
import { overtaken, refuseDeadCanaries, refuseOvertaken } from "./cut-over-errors.ts";
import type { Cutover, CutoverRequest } from "./cutover-request.ts";
import { deathsIn, sortDeaths } from "./deaths.ts";
import { type Progress, type ReadBack, readBack, readFirst } from "./jwks-read-back.ts";
import { endOverlap, extendOverlap, outliveBorrowing } from "./keep-overlap.ts";
import { deleteObsolete, disableRevived, moveOthers } from "./move-others.ts";
import { overlapEnd } from "./overlap.ts";
import { planCutover } from "./plan-cutover.ts";
import type { RealmKey } from "./realm-keys.ts";
import type { PassiveKey, RetiredKey } from "./retired-key.ts";
import { keysToRetire } from "./retiring-keys.ts";
import { SigningKeys } from "./signing-keys.ts";

export interface CutoverResult extends ReadBack {
  /** When the new keys were seen to sign, ISO 8601 UTC. */
  activatedAt: string;
  /** The keys that sign now: this rotation's or, after a rollback, those before it. */
  signers: { kid: string; algorithm: string }[];
  /** Trusted until they are retired. */
  passive: PassiveKey[];
  /** When the passive keys may be retired, ISO 8601 UTC; absent where there is none. */
  retireAfter?: string;
  /** Every dead key that instances must be shown to refuse: those of this cut-over, and those that were left from before. */
  retired: RetiredKey[];
  /**
   * Dead keys that the realm has no more, and so no mark of theirs, from whichever cut-over: only the state knows whether
   * their deaths are closed. Default: none, in the state of an older version.
   */
  gone?: RetiredKey[];
  /** Keys of earlier rotations that were deleted because they had been disabled for long. */
  deleted: PassiveKey[];
  keysAfter: RealmKey[];
  /** What makes the run red although the keys are dead, a sentence each. Default: none. */
  problems?: string[];
}

/**
 * Makes the signing keys what the goal wants: the signers first, so that the realm can sign at every moment, then the
 * others, passive or disabled. Waits until every JWKS URL shows it. The keys are read once before a change and once after
 * it: after the activation, to see that the realm's own key signs before any other is disabled, and after that, until
 * nothing is left to do.
 *
 * @throws {RotationError} KEY_NOT_PUBLISHED, KEY_NOT_ACTIVE, ROLLBACK_IMPOSSIBLE, CUTOVER_UNSETTLED, JWKS_NOT_CURRENT,
 *   ROTATION_OVERTAKEN,
 *   or any Keycloak code
 */
export async function cutOver(
  admin: KeycloakAdmin,
  request: CutoverRequest,
  progress: Progress,
): Promise<CutoverResult> {
  const keys = new SigningKeys(admin);
  const plan = async () => planCutover(await keys.list(), request);
  const cutover: Cutover = { request, keys, progress, plan };
  const { disable, later } = await plan();
  if (request.mode !== "emergency") {
    refuseOvertaken(request, later);
    refuseDeadCanaries(disable, request.canary);
  }
  await activate(cutover);
  if (disable.length > 0 && request.beforeDisabling) {
    await request.beforeDisabling();
    keys.readAgain();
  }
  const activatedAt = await seeSigners(cutover);
  const revivedAt = await disableRevived(cutover);
  await extendOverlap(cutover);
  await outliveBorrowing(cutover);
  const { disabledAt: movedAt, problems } = await moveOthers(cutover);
  const disabledAt = new Map([...revivedAt, ...movedAt]);
  const after = request.afterDisabling?.();
  await endOverlap(cutover);
  const deleted = await deleteObsolete(cutover, disabledAt);
  const { later: published } = await plan();
  if (request.mode !== "emergency") refuseOvertaken(request, published);
  const keysAfter = [...(await keys.list())];
  const keysAfterAt = new Date().toISOString();
  const read =
    request.mode === "emergency"
      ? await readFirst(admin, request, keysAfter)
      : await readBack(admin, request, keysAfter, progress);
  await after;
  const { canary: before, last = { dead: [], trusted: [] } } = request;
  const isDeleted = ({ kid }: RetiredKey) => deleted.some((key) => key.kid === kid);
  const deaths = deathsIn({ before, keysAfter, keysAfterAt, disabledAt, last });
  return {
    activatedAt,
    ...read,
    ...outcome(keysAfter, request),
    ...sortDeaths(
      deaths.filter((key) => !isDeleted(key)),
      last,
    ),
    deleted: deleted.map(reference),
    keysAfter,
    ...problemsOf([...problems, ...(published.length > 0 ? [overtaken(request, published).message] : [])]),
  };
}

function problemsOf(problems: string[]): Pick<CutoverResult, "problems"> {
  return problems.length > 0 ? { problems } : {};
}

function outcome(
  keysAfter: readonly RealmKey[],
  request: CutoverRequest,
): Pick<CutoverResult, "signers" | "passive" | "retireAfter"> {
  const { signers } = planCutover(keysAfter, request);
  const passive = keysToRetire(keysAfter, signers, request.exemptKeys).map(reference);
  const retireAfter = overlapEnd(signers);
  return {
    signers: signers.map(({ kid, algorithm }) => ({ kid, algorithm })),
    passive,
    ...(passive.length > 0 && retireAfter ? { retireAfter } : {}),
  };
}

function reference({ kid, algorithm, componentName }: RealmKey): PassiveKey {
  return { kid, algorithm, componentName };
}
