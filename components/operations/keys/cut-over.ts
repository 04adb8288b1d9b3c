import { setTimeout as delay } from "node:timers/promises";
import { describeDuration } from "../base/durations.ts";
import { RotationError } from "../base/errors.ts";
import { awaitJwks, discover, type JwksReadBack, type PublishedJwks, readJwks } from "../keycloak/jwks.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { type CutoverGoal, obsoleteKeys, planCutover } from "./plan-cutover.ts";
import {
  isTrusted,
  listSigningKeys,
  managedKeyName,
  type RealmKey,
  rotationOf,
  updateKeyComponent,
} from "./realm-keys.ts";

export interface CutoverRequest extends CutoverGoal {
  /** Milliseconds for which keys that no longer sign stay trusted, where the mode is not emergency. */
  overlapMs: number;
  /** Rotations whose disabled keys stay in Keycloak when a later one is retired. */
  keepRetired: number;
  /** Every JWKS URL that verifiers use. Empty: the issuer's own. */
  jwksUris: string[];
  /** Milliseconds until each must show the new set. Default: 60000. */
  jwksTimeoutMs?: number;
  /** The realm's signing keys before this rotation, and when they were read: it can't have disabled one earlier. */
  canary: KnownBefore;
  /** What an earlier cut-over of the same rotation retired. Default: none. */
  earlier?: RetiredKey[];
  /** Work for which the old keys must still be trusted; called right before the first of them is disabled. */
  beforeDisabling?: () => Promise<void>;
}

/** What was known of the realm's signing keys before the rotation. */
export interface KnownBefore {
  keysBefore: RealmKey[];
  /** ISO 8601 UTC. */
  keysBeforeAt: string;
  /** Until when the canaries of the keys that retire can prove something. */
  canaries: readonly { kid: string; seen: { expiresAt: string }; unseen: { expiresAt: string } }[];
  /** When a key that does not sign was last made the signer to mint its canary, ISO 8601 UTC. */
  borrowedAt?: string;
}

/** A key that no longer signs and is still trusted. */
export interface PassiveKey {
  kid: string;
  algorithm: string;
  componentName: string;
}

export interface RetiredKey {
  kid: string;
  algorithm: string;
  componentName: string;
  /** Disabled in Keycloak at this time, ISO 8601 UTC. */
  disabledAt: string;
  /** False where an interrupted run disabled it: `disabledAt` is then the earliest that it can have been. */
  disabledAtIsExact: boolean;
}

export interface CutoverResult {
  /** When the new keys were seen to sign, ISO 8601 UTC. */
  activatedAt: string;
  /** When every JWKS URL had shown the new set, ISO 8601 UTC. */
  completedAt: string;
  /** The keys that sign now, this rotation's or, after a rollback, those before it. */
  signers: { kid: string; algorithm: string }[];
  /** Trusted until they are retired. */
  passive: PassiveKey[];
  /** When the passive keys may be retired, ISO 8601 UTC; absent where there is none. */
  retireAfter?: string;
  retired: RetiredKey[];
  /** Keys of earlier rotations that were deleted because they had been disabled for long. */
  deleted: PassiveKey[];
  keysAfter: RealmKey[];
  jwksAfter: PublishedJwks;
  jwksReadBack: JwksReadBack[];
}

/** Called for each change, with a line that can be shown. */
export type Progress = (line: string) => void;

/** A client can make Keycloak add a `fallback-*` key between two looks; so the realm is looked at until it is still. */
const maxRounds = 5;

/** Canaries must outlive the refresh and the verification that follow: five minutes. */
const canaryMarginMs = 300_000;

/**
 * Makes the signing keys what the goal wants: the signers first, so that the realm can sign at every moment, then the
 * others, passive or disabled. Waits until every JWKS URL shows it.
 *
 * @throws {RotationError} KEY_NOT_PUBLISHED, KEY_NOT_ACTIVE, ROLLBACK_IMPOSSIBLE, CUTOVER_UNSETTLED, JWKS_NOT_CURRENT,
 *   or any Keycloak code
 */
export async function cutOver(
  admin: KeycloakAdmin,
  request: CutoverRequest,
  progress: Progress,
): Promise<CutoverResult> {
  const before = planCutover(await listSigningKeys(admin), request);
  refuseDeadCanaries(before.disable, request);
  await activate(admin, request, progress);
  const activatedAt = new Date().toISOString();
  const plan = planCutover(await listSigningKeys(admin), request);
  if (plan.disable.length > 0) await request.beforeDisabling?.();
  await outliveBorrowing(plan.disable, request, progress);
  const disabledAt = await moveOthers(admin, request, progress);
  await endOverlap(admin, request);
  const deleted = await deleteObsolete(admin, request, disabledAt, progress);
  const keysAfter = await listSigningKeys(admin);
  return {
    activatedAt,
    ...(await readBack(admin, request, keysAfter, progress)),
    ...outcome(keysAfter, request),
    retired: retiredKeys(request, keysAfter, disabledAt),
    deleted,
    keysAfter,
  };
}

async function readBack(
  admin: KeycloakAdmin,
  request: CutoverRequest,
  keysAfter: readonly RealmKey[],
  progress: Progress,
): Promise<Pick<CutoverResult, "completedAt" | "jwksAfter" | "jwksReadBack">> {
  const kids = keysAfter.filter(isTrusted).map(({ kid }) => kid);
  const jwksReadBack = await awaitEveryJwks(admin, request, kids, progress);
  const jwksAfter = await readJwks(admin, (await discover(admin)).jwksUri);
  return { completedAt: new Date().toISOString(), jwksAfter, jwksReadBack };
}

/** Waits until every JWKS URL that verifiers use shows exactly these kids. */
export async function awaitEveryJwks(
  admin: KeycloakAdmin,
  { jwksUris, jwksTimeoutMs = 60_000 }: Pick<CutoverRequest, "jwksUris" | "jwksTimeoutMs">,
  kids: readonly string[],
  progress: Progress,
): Promise<JwksReadBack[]> {
  const urls = jwksUris.length > 0 ? jwksUris : [(await discover(admin)).jwksUri];
  const reads = await Promise.all(
    urls.map((url) => awaitJwks(admin, url, kids, { timeoutMs: jwksTimeoutMs })),
  );
  for (const { url, reads: count } of reads) progress(`${url} shows the new set (${count} reads in a row)`);
  return reads;
}

function outcome(
  keysAfter: readonly RealmKey[],
  request: CutoverRequest,
): Pick<CutoverResult, "signers" | "passive" | "retireAfter"> {
  const { signers } = planCutover(keysAfter, request);
  const passive = keysAfter
    .filter((key) => isTrusted(key) && !signers.includes(key))
    .filter(({ componentName }) => !request.exemptKeys.includes(componentName))
    .map(({ kid, algorithm, componentName }) => ({ kid, algorithm, componentName }));
  const retireAfter = endOf(signers);
  return {
    signers: signers.map(({ kid, algorithm }) => ({ kid, algorithm })),
    passive,
    ...(passive.length > 0 && retireAfter ? { retireAfter } : {}),
  };
}

function endOf(signers: readonly RealmKey[]): string | undefined {
  return signers
    .flatMap(({ retireAfter }) => retireAfter ?? [])
    .toSorted()
    .at(-1);
}

/**
 * The end of the overlap is written in the same request that makes a key the signer: whatever is killed afterwards, no
 * later run takes the others for due. A key of before the first rotation that signs again is managed from then on.
 */
async function activate(admin: KeycloakAdmin, request: CutoverRequest, progress: Progress): Promise<void> {
  const plan = planCutover(await listSigningKeys(admin), request);
  for (const { key, priority } of plan.activate) {
    const adopted =
      rotationOf(key.componentName) === undefined ? { name: managedKeyName(0, key.algorithm) } : {};
    const change = { active: true, priority, ...adopted, ...overlapOf(request) };
    await updateKeyComponent(admin, key.componentId, change);
    progress(`${key.kid} (${key.algorithm}) is active at priority ${priority}`);
  }
  const { signers } = planCutover(await listSigningKeys(admin), request);
  for (const key of signers) if (!key.signing) throw notActive(key);
  await extendOverlap(admin, request);
}

function overlapOf({ mode, overlapMs }: CutoverRequest): { retireAfter?: string } {
  return mode === "emergency" ? {} : { retireAfter: new Date(Date.now() + overlapMs).toISOString() };
}

/** Keys that lose their place now, or that nobody knows the end of, get a whole overlap from now on. */
async function extendOverlap(admin: KeycloakAdmin, request: CutoverRequest): Promise<void> {
  if (request.mode === "emergency") return;
  const { signers, passivate, disable } = planCutover(await listSigningKeys(admin), request);
  const end = endOf(signers);
  const isUnknown = end === undefined && disable.length === 0;
  const isLate = passivate.length > 0 && end !== undefined && end <= new Date().toISOString();
  if (!isUnknown && !isLate) return;
  for (const { componentId } of signers) await updateKeyComponent(admin, componentId, overlapOf(request));
}

/** An emergency ends the overlap that it breaks into: a later planned run must not take it for still running. */
async function endOverlap(admin: KeycloakAdmin, request: CutoverRequest): Promise<void> {
  if (request.mode !== "emergency") return;
  const now = new Date().toISOString();
  for (const { componentId, retireAfter } of planCutover(await listSigningKeys(admin), request).signers) {
    if (retireAfter && retireAfter > now) await updateKeyComponent(admin, componentId, { retireAfter: now });
  }
}

/**
 * Where a canary could only be minted by making a passive key the signer for a moment, others may have got a token of
 * it, too: it is disabled when that has expired.
 */
async function outliveBorrowing(
  disable: readonly RealmKey[],
  { mode, canary, overlapMs }: CutoverRequest,
  progress: Progress,
): Promise<void> {
  if (mode === "emergency" || canary.borrowedAt === undefined || disable.length === 0) return;
  const until = Date.parse(canary.borrowedAt) + overlapMs;
  for (let left = until - Date.now(); left > 0; left = until - Date.now()) {
    progress(`waiting ${describeDuration(left)} more for tokens to expire that the passive keys have signed`);
    await delay(Math.min(left, 30_000));
  }
}

async function moveOthers(
  admin: KeycloakAdmin,
  request: CutoverRequest,
  progress: Progress,
): Promise<Map<string, string>> {
  const disabledAt = new Map<string, string>();
  // What was active a moment ago is not due: only what was passive at first is retired.
  const due = new Set(planCutover(await listSigningKeys(admin), request).disable.map(({ kid }) => kid));
  const isDue = ({ kid }: RealmKey) => request.mode === "emergency" || due.has(kid);
  for (let round = 0; ; round += 1) {
    const plan = planCutover(await listSigningKeys(admin), request);
    const disable = plan.disable.filter(isDue);
    if (disable.length + plan.passivate.length === 0) return disabledAt;
    if (round === maxRounds) throw unsettled();
    for (const key of plan.passivate) {
      await updateKeyComponent(admin, key.componentId, { active: false });
      progress(`${key.kid} (${key.algorithm}, ${key.componentName}) is passive`);
    }
    for (const key of disable) {
      await updateKeyComponent(admin, key.componentId, { enabled: false, active: false });
      disabledAt.set(key.kid, new Date().toISOString());
      progress(`${key.kid} (${key.algorithm}, ${key.componentName}) is disabled`);
    }
  }
}

/** Only a retirement tidies up: in an emergency nothing is deleted that somebody may want to look into. */
async function deleteObsolete(
  admin: KeycloakAdmin,
  { mode, stage, keepRetired }: CutoverRequest,
  disabledAt: ReadonlyMap<string, string>,
  progress: Progress,
): Promise<PassiveKey[]> {
  if (mode === "emergency" || stage !== "final") return [];
  const obsolete = obsoleteKeys(await listSigningKeys(admin), keepRetired).filter(
    ({ kid }) => !disabledAt.has(kid),
  );
  for (const { kid, componentId, componentName } of obsolete) {
    await admin.delete(`/components/${componentId}`);
    progress(`${kid} (${componentName}) is deleted: it was disabled by an earlier rotation`);
  }
  return obsolete.map(({ kid, algorithm, componentName }) => ({ kid, algorithm, componentName }));
}

function unsettled(): RotationError {
  return new RotationError(
    "CUTOVER_UNSETTLED",
    "signing keys keep appearing in the realm while old ones are disabled",
    {
      nextStep:
        "find the client that asks for an algorithm outside `algorithms` (a fallback-* key names it), then run the same up again",
    },
  );
}

/** A canary that has expired proves nothing, and a disabled key can't mint another: so this is the last moment to stop. */
function refuseDeadCanaries(disable: readonly RealmKey[], { canary }: CutoverRequest): void {
  const soon = new Date(Date.now() + canaryMarginMs).toISOString();
  const dead = canary.canaries.filter(({ seen, unseen }) => seen.expiresAt < soon || unseen.expiresAt < soon);
  const kids = dead.map(({ kid }) => kid).filter((kid) => disable.some((key) => key.kid === kid));
  if (kids.length === 0) return;
  throw new RotationError(
    "CANARY_EXPIRED",
    `the canaries of ${kids.join(", ")} were minted too long ago to prove anything`,
    {
      nextStep: "bump rotation, which mints new ones; nothing was disabled",
    },
  );
}

function retiredKeys(
  { canary, earlier = [] }: CutoverRequest,
  keysAfter: readonly RealmKey[],
  disabledAt: ReadonlyMap<string, string>,
): RetiredKey[] {
  const stillTrusted = new Set(keysAfter.filter(isTrusted).map(({ kid }) => kid));
  const before = canary.keysBefore.filter(isTrusted);
  const appeared = keysAfter.filter(({ kid }) => disabledAt.has(kid));
  const candidates = new Map([...earlier, ...appeared, ...before].map((key) => [key.kid, key]));
  return [...candidates.values()]
    .filter(({ kid }) => !stillTrusted.has(kid))
    .map(({ kid, algorithm, componentName }) => {
      const known = earlier.find((key) => key.kid === kid && key.disabledAtIsExact)?.disabledAt;
      const at = known ?? disabledAt.get(kid);
      return {
        kid,
        algorithm,
        componentName,
        disabledAt: at ?? canary.keysBeforeAt,
        disabledAtIsExact: at !== undefined,
      };
    });
}

function notActive({ kid, algorithm, status, priority, componentId }: RealmKey): RotationError {
  return new RotationError(
    "KEY_NOT_ACTIVE",
    `the new signing key ${kid} (${algorithm}) is ${status} at priority ${priority} and does not sign (component ${componentId})`,
    {
      nextStep:
        "look for someone else changing the realm's keys, then run the same up again; nothing was disabled",
    },
  );
}
