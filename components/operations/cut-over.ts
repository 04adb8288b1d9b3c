import { RotationError } from "./errors.ts";
import { awaitJwks, discover, type JwksReadBack, type PublishedJwks, readJwks } from "./jwks.ts";
import type { KeycloakAdmin } from "./keycloak-admin.ts";
import type { Baseline, CanaryFindings } from "./mint-canaries.ts";
import { planCutover } from "./plan-cutover.ts";
import { listSigningKeys, type RealmKey, updateKeyComponent } from "./realm-keys.ts";

export interface CutoverRequest {
  /** Components of this rotation's signing keys. */
  componentIds: string[];
  /** Component names that stay as they are. */
  exemptKeys: string[];
  /** Every JWKS URL that verifiers use. Empty: the issuer's own. */
  jwksUris: string[];
  /** Milliseconds until each must show the new set. Default: 60000. */
  jwksTimeoutMs?: number;
  /** The realm's signing keys before this rotation, and when they were read: it can't have disabled one earlier. */
  canary: Pick<CanaryFindings, "keysBefore" | "keysBeforeAt" | "canaries">;
  /** What an earlier cut-over of the same rotation retired. Default: none. */
  earlier?: RetiredKey[];
  /** Asks instances that have appeared since the canaries were shown; called right before the first key is disabled. */
  askNewcomers?: () => Promise<Baseline[]>;
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
  retired: RetiredKey[];
  keysAfter: RealmKey[];
  jwksAfter: PublishedJwks;
  jwksReadBack: JwksReadBack[];
  /** Verdicts of instances that appeared after the canaries had been shown, and before a key was disabled. */
  newcomers: Baseline[];
}

/** Called for each change, with a line that can be shown. */
export type Progress = (line: string) => void;

/** A client can make Keycloak add a `fallback-*` key between two looks; so the realm is looked at until it is still. */
const maxRounds = 5;

/** Canaries must outlive the refresh and the verification that follow: five minutes. */
const canaryMarginMs = 300_000;

/**
 * Makes this rotation's keys the signers, disables every other signing key, and waits until every JWKS URL shows it.
 * The new keys are active before any old one is disabled, so the realm can sign at every moment.
 *
 * @throws {RotationError} KEY_NOT_PUBLISHED, KEY_NOT_ACTIVE, CUTOVER_UNSETTLED, JWKS_NOT_CURRENT, or any Keycloak code
 */
export async function cutOver(
  admin: KeycloakAdmin,
  request: CutoverRequest,
  progress: Progress,
): Promise<CutoverResult> {
  refuseDeadCanaries(await listSigningKeys(admin), request);
  await activate(admin, request, progress);
  const activatedAt = new Date().toISOString();
  const plan = planCutover(await listSigningKeys(admin), request.componentIds, request.exemptKeys);
  const newcomers = plan.disable.length > 0 ? ((await request.askNewcomers?.()) ?? []) : [];
  const disabledAt = await disableOthers(admin, request, progress);
  const keysAfter = await listSigningKeys(admin);
  const expected = keysAfter.filter(isTrusted).map(({ kid }) => kid);
  const issuerUri = (await discover(admin)).jwksUri;
  const urls = request.jwksUris.length > 0 ? request.jwksUris : [issuerUri];
  const jwksReadBack = await Promise.all(
    urls.map((url) => awaitJwks(admin, url, expected, { timeoutMs: request.jwksTimeoutMs ?? 60_000 })),
  );
  for (const { url, reads } of jwksReadBack) progress(`${url} shows the new set (${reads} reads in a row)`);
  return {
    activatedAt,
    completedAt: new Date().toISOString(),
    retired: retiredKeys(request, keysAfter, disabledAt),
    keysAfter,
    jwksAfter: await readJwks(admin, issuerUri),
    jwksReadBack,
    newcomers,
  };
}

async function activate(admin: KeycloakAdmin, request: CutoverRequest, progress: Progress): Promise<void> {
  const plan = planCutover(await listSigningKeys(admin), request.componentIds, request.exemptKeys);
  for (const { key, priority } of plan.activate) {
    await updateKeyComponent(admin, key.componentId, { active: true, priority });
    progress(`${key.kid} (${key.algorithm}) is active at priority ${priority}`);
  }
  const keys = await listSigningKeys(admin);
  for (const componentId of request.componentIds) {
    const key = keys.find((candidate) => candidate.componentId === componentId);
    if (!key?.signing) throw notActive(componentId, key);
  }
}

async function disableOthers(
  admin: KeycloakAdmin,
  request: CutoverRequest,
  progress: Progress,
): Promise<Map<string, string>> {
  const disabledAt = new Map<string, string>();
  for (let round = 0; ; round += 1) {
    const plan = planCutover(await listSigningKeys(admin), request.componentIds, request.exemptKeys);
    if (plan.disable.length === 0) return disabledAt;
    if (round === maxRounds) throw unsettled();
    for (const key of plan.disable) {
      await updateKeyComponent(admin, key.componentId, { enabled: false, active: false });
      disabledAt.set(key.kid, new Date().toISOString());
      progress(`${key.kid} (${key.algorithm}, ${key.componentName}) is disabled`);
    }
  }
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
function refuseDeadCanaries(keys: readonly RealmKey[], { canary }: CutoverRequest): void {
  const soon = new Date(Date.now() + canaryMarginMs).toISOString();
  const dead = canary.canaries.filter(({ seen, unseen }) => seen.expiresAt < soon || unseen.expiresAt < soon);
  const kids = dead
    .map(({ kid }) => kid)
    .filter((kid) => keys.some((key) => key.kid === kid && isTrusted(key)));
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

function isTrusted({ status }: RealmKey): boolean {
  return status !== "DISABLED";
}

function notActive(componentId: string, key: RealmKey | undefined): RotationError {
  const what = key
    ? `${key.kid} (${key.algorithm}) is ${key.status} at priority ${key.priority}`
    : "is not there";
  return new RotationError(
    "KEY_NOT_ACTIVE",
    `the new signing key ${what} and does not sign (component ${componentId})`,
    {
      nextStep:
        "look for someone else changing the realm's keys, then run the same up again; nothing was disabled",
    },
  );
}
