import { setTimeout as delay } from "node:timers/promises";
import { describeDuration } from "../base/durations.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { notActive, refuseDeadCanaries, unsettled } from "./cut-over-errors.ts";
import { type Progress, type ReadBack, readBack, type VerifierUrls } from "./jwks-read-back.ts";
import { obsoleteKeys } from "./obsolete-keys.ts";
import { newOverlapEnd, overlapEnd } from "./overlap.ts";
import { type CutoverGoal, type CutoverPlan, planCutover } from "./plan-cutover.ts";
import { isTrusted, managedKeyName, type RealmKey, rotationOf } from "./realm-keys.ts";
import { type KnownBefore, type PassiveKey, type RetiredKey, retiredKeys } from "./retired-key.ts";
import { keysToRetire } from "./retiring-keys.ts";
import { SigningKeys } from "./signing-keys.ts";

export interface CutoverRequest extends CutoverGoal, VerifierUrls {
  /** Milliseconds for which keys that no longer sign stay trusted, where the mode is not emergency. */
  overlapMs: number;
  /** Rotations whose disabled keys stay in Keycloak when a later one is retired. */
  keepRetired: number;
  /** The realm's signing keys before this rotation, and when they were read: it can't have disabled one earlier. */
  canary: KnownBefore;
  /** What an earlier cut-over of the same rotation retired. Default: none. */
  earlier?: RetiredKey[];
  /** Work for which the old keys must still be trusted; called before the first of them is disabled. */
  beforeDisabling?: () => Promise<void>;
}

export interface CutoverResult extends ReadBack {
  /** When the new keys were seen to sign, ISO 8601 UTC. */
  activatedAt: string;
  /** The keys that sign now: this rotation's or, after a rollback, those before it. */
  signers: { kid: string; algorithm: string }[];
  /** Trusted until they are retired. */
  passive: PassiveKey[];
  /** When the passive keys may be retired, ISO 8601 UTC; absent where there is none. */
  retireAfter?: string;
  retired: RetiredKey[];
  /** Keys of earlier rotations that were deleted because they had been disabled for long. */
  deleted: PassiveKey[];
  keysAfter: RealmKey[];
}

/** A client can make Keycloak add a `fallback-*` key between two reads; so the keys are read until nothing is left to do. */
const maxRounds = 5;

/** What the steps of one cut-over have in common. */
interface Cutover {
  request: CutoverRequest;
  keys: SigningKeys;
  progress: Progress;
  /** What the keys, as they are now, ask for. */
  plan(): Promise<CutoverPlan>;
}

/**
 * Makes the signing keys what the goal wants: the signers first, so that the realm can sign at every moment, then the
 * others, passive or disabled. Waits until every JWKS URL shows it. The keys are read once before a change and once after
 * it: after the activation, to see that the realm's own key signs before any other is disabled, and after that, until
 * nothing is left to do.
 *
 * @throws {RotationError} KEY_NOT_PUBLISHED, KEY_NOT_ACTIVE, ROLLBACK_IMPOSSIBLE, CUTOVER_UNSETTLED, JWKS_NOT_CURRENT,
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
  const { disable } = await plan();
  refuseDeadCanaries(disable, request.canary);
  await activate(cutover);
  if (disable.length > 0) await request.beforeDisabling?.();
  const activatedAt = await seeSigners(cutover);
  await extendOverlap(cutover);
  await outliveBorrowing(cutover);
  const disabledAt = await moveOthers(cutover);
  await endOverlap(cutover);
  const deleted = await deleteObsolete(cutover, disabledAt);
  const keysAfter = [...(await keys.list())];
  const trusted = keysAfter.filter(isTrusted).map(({ kid }) => kid);
  const { canary: before, earlier = [] } = request;
  return {
    activatedAt,
    ...(await readBack(admin, request, trusted, progress)),
    ...outcome(keysAfter, request),
    retired: retiredKeys({ before, earlier, keysAfter, disabledAt }),
    deleted,
    keysAfter,
  };
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

/**
 * The end of the overlap is written in the same request that makes a key the signer: whatever is killed afterwards, no
 * later run takes the other keys for due. A key from before the first rotation that signs again is managed from then on.
 */
async function activate({ request, keys, progress, plan }: Cutover): Promise<void> {
  const { mode, overlapMs } = request;
  for (const { key, priority } of (await plan()).activate) {
    const isAdopted = rotationOf(key.componentName) === undefined;
    await keys.change(key, {
      active: true,
      priority,
      ...(isAdopted ? { name: managedKeyName(0, key.algorithm) } : {}),
      ...(mode === "emergency" ? {} : { retireAfter: newOverlapEnd(overlapMs) }),
    });
    progress(`${key.kid} (${key.algorithm}) is active at priority ${priority}`);
  }
}

/**
 * The last look before a key is disabled.
 *
 * @returns when the keys that are to sign were seen to sign
 * @throws {RotationError} KEY_NOT_ACTIVE
 */
async function seeSigners({ plan }: Cutover): Promise<string> {
  const { signers } = await plan();
  for (const key of signers) if (!key.signing) throw notActive(key);
  return new Date().toISOString();
}

/** Keys that stop signing now, or whose overlap has no known end, get a whole overlap from now on. */
async function extendOverlap({ request, keys, plan }: Cutover): Promise<void> {
  const { mode, overlapMs } = request;
  if (mode === "emergency") return;
  const { signers, passivate, disable } = await plan();
  const end = overlapEnd(signers);
  const isUnknown = end === undefined && disable.length === 0;
  const isLate = passivate.length > 0 && end !== undefined && end <= new Date().toISOString();
  if (!isUnknown && !isLate) return;
  for (const key of signers) await keys.change(key, { retireAfter: newOverlapEnd(overlapMs) });
}

/** An emergency ends the overlap that it interrupts: a later planned run must not take it for still running. */
async function endOverlap({ request, keys, plan }: Cutover): Promise<void> {
  if (request.mode !== "emergency") return;
  const now = new Date().toISOString();
  for (const key of (await plan()).signers) {
    if (key.retireAfter && key.retireAfter > now) await keys.change(key, { retireAfter: now });
  }
}

/**
 * Where canary tokens could only be minted by making a passive key the signer for a moment, others may have got a token
 * of it, too: it is disabled once that has expired.
 */
async function outliveBorrowing(cutover: Cutover): Promise<void> {
  const { request, keys, progress, plan } = cutover;
  const { mode, canary, overlapMs } = request;
  if (mode === "emergency" || canary.borrowedAt === undefined) return;
  if ((await plan()).disable.length === 0) return;
  const until = Date.parse(canary.borrowedAt) + overlapMs;
  if (until <= Date.now()) return;
  for (let left = until - Date.now(); left > 0; left = until - Date.now()) {
    progress(
      `waiting another ${describeDuration(left)} until tokens that the passive keys signed have expired`,
    );
    await delay(Math.min(left, 30_000));
  }
  keys.readAgain();
  await seeSigners(cutover);
}

async function moveOthers({ request, keys, progress, plan }: Cutover): Promise<Map<string, string>> {
  const disabledAt = new Map<string, string>();
  // What was active a moment ago is not due: only what was passive at first is retired.
  const due = new Set((await plan()).disable.map(({ kid }) => kid));
  const isDue = ({ kid }: RealmKey) => request.mode === "emergency" || due.has(kid);
  for (let round = 0; ; round += 1) {
    const { passivate, disable } = await plan();
    const doomed = disable.filter(isDue);
    if (doomed.length + passivate.length === 0) return disabledAt;
    if (round === maxRounds) throw unsettled();
    for (const key of passivate) {
      await keys.change(key, { active: false });
      progress(`${key.kid} (${key.algorithm}, ${key.componentName}) is passive`);
    }
    for (const key of doomed) {
      await keys.change(key, { enabled: false, active: false });
      disabledAt.set(key.kid, new Date().toISOString());
      progress(`${key.kid} (${key.algorithm}, ${key.componentName}) is disabled`);
    }
  }
}

/** Only a retirement tidies up: in an emergency nothing is deleted that somebody may want to look into. */
async function deleteObsolete(
  { request, keys, progress }: Cutover,
  disabledAt: ReadonlyMap<string, string>,
): Promise<PassiveKey[]> {
  const { mode, stage, keepRetired } = request;
  if (mode === "emergency" || stage !== "final") return [];
  const obsolete = obsoleteKeys(await keys.list(), keepRetired).filter(({ kid }) => !disabledAt.has(kid));
  for (const key of obsolete) {
    await keys.delete(key);
    progress(`${key.kid} (${key.componentName}) is deleted: an earlier rotation disabled it`);
  }
  return obsolete.map(reference);
}
