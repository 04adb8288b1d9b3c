import type { Canary } from "../canaries/canary.ts";
import { keepOf } from "../canaries/kept-canaries.ts";
import { mintPair, withoutTokens } from "../canaries/mint-canaries.ts";
import { openTargets } from "../fleet/targets.ts";
import { type Discovery, discover, type PublishedJwks, readJwks } from "../keycloak/jwks.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { listSigningKeys, type RealmKey } from "../keys/realm-keys.ts";
import { retiringKeys } from "../keys/retiring-keys.ts";
import { askEveryInstance } from "./baseline.ts";
import type { CanaryFindings, CanaryRequest, CanaryResult } from "./canary-findings.ts";
import { refuseGaps, refuseRejected, unknownEverywhere } from "./judge-baseline.ts";
import { carriedOver, keptCanary } from "./kept-proof.ts";
import { lookAround } from "./look-around.ts";

/**
 * Mints two canary tokens with each signing key that the rotation will retire, or takes those kept from an earlier run,
 * and asks every instance for its verdict on the first of them while the key is still trusted. An instance that rejects
 * one is refreshed and asked again.
 *
 * @throws {RotationError} ALGORITHM_NOT_COVERED for a key that no probe client can mint with;
 *   BASELINE_INCOMPLETE when an instance does not answer outside an emergency;
 *   BASELINE_REJECTED when instances answer and none accepts: the probe is wrong and would prove nothing;
 *   NO_INSTANCES when a target has none; a Kubernetes code when a cluster refuses us
 */
export async function prepareProof(admin: KeycloakAdmin, request: CanaryRequest): Promise<CanaryResult> {
  const { fleet, kept } = request;
  const targets = await openTargets(fleet.targets);
  const [isAnyReady, realm] = await Promise.all([lookAround(fleet.targets, targets), readRealmBefore(admin)]);
  const { keysBefore, keysBeforeAt, jwksBefore } = realm;
  const retiring = retiringKeys(keysBefore, request);
  const { canaries, borrowedAt } = await canariesFor(admin, request, realm, retiring);
  const asked = await askEveryInstance(targets, request, canaries, isAnyReady);
  const proving = provingOnly(request, retiring, canaries, asked);
  const carried = carriedOver(keysBefore, kept);
  const carriedCanaries = carried.flatMap((one) => one.canaries);
  return {
    tokens: { ...keepOf(carriedCanaries, kept?.tokens ?? {}).canaryTokens, ...tokensOf(proving.canaries) },
    findings: {
      canaries: proving.canaries.map(withoutTokens),
      keysBefore,
      keysBeforeAt,
      jwksBefore,
      baseline: proving.baseline,
      notAsked: asked.notAsked,
      baselineSkipped: canaries.length > 0 && isSilent(asked),
      ...(carried.length > 0 ? { carried } : {}),
      ...(borrowedAt === undefined ? {} : { borrowedAt }),
    },
  };
}

interface RealmBefore extends Pick<CanaryFindings, "keysBefore" | "keysBeforeAt" | "jwksBefore"> {
  discovery: Discovery;
}

async function readRealmBefore(admin: KeycloakAdmin): Promise<RealmBefore> {
  const [keys, published] = await Promise.all([readKeys(admin), readPublished(admin)]);
  return { ...keys, ...published };
}

async function readKeys(admin: KeycloakAdmin): Promise<Pick<RealmBefore, "keysBefore" | "keysBeforeAt">> {
  const keysBefore = await listSigningKeys(admin);
  return { keysBefore, keysBeforeAt: new Date().toISOString() };
}

async function readPublished(
  admin: KeycloakAdmin,
): Promise<{ discovery: Discovery; jwksBefore: PublishedJwks }> {
  const discovery = await discover(admin);
  return { discovery, jwksBefore: await readJwks(admin, discovery.jwksUri) };
}

/** One key after the other: each that does not sign has to be made the signer for a moment. */
async function canariesFor(
  admin: KeycloakAdmin,
  { kept, probeClients }: CanaryRequest,
  { discovery, keysBefore }: RealmBefore,
  retiring: readonly RealmKey[],
): Promise<{ canaries: Canary[]; borrowedAt: string | undefined }> {
  const minter = { admin, tokenEndpoint: discovery.tokenEndpoint, probeClients };
  const canaries: Canary[] = [];
  let borrowedAt = kept?.findings.borrowedAt;
  for (const key of retiring) {
    const known = keptCanary(key, kept);
    canaries.push(known ?? (await mintPair(minter, key, keysBefore)));
    if (!known && !key.signing) borrowedAt = new Date().toISOString();
  }
  return { canaries, borrowedAt };
}

/** What is left of canary tokens and verdicts when those that can prove nothing are taken away. */
function provingOnly(
  { mode }: CanaryRequest,
  retiring: readonly RealmKey[],
  canaries: readonly Canary[],
  asked: Pick<CanaryFindings, "baseline" | "notAsked">,
): { canaries: Canary[]; baseline: CanaryFindings["baseline"] } {
  const { baseline } = asked;
  const unknown = mode === "emergency" ? unknownEverywhere(retiring, baseline) : [];
  const isProving = ({ kid }: { kid: string }) => !unknown.includes(kid);
  const proving = canaries.filter(isProving);
  for (const { kid } of proving) refuseRejected(kid, baseline);
  if (mode !== "emergency") refuseGaps(asked);
  return {
    canaries: proving,
    baseline: baseline.map((one) => ({ ...one, verdicts: one.verdicts.filter(isProving) })),
  };
}

function isSilent({ baseline }: Pick<CanaryFindings, "baseline">): boolean {
  return baseline.every(({ verdicts }) => verdicts.every(({ verdict }) => verdict.kind === "inconclusive"));
}

function tokensOf(canaries: readonly Canary[]): Record<string, string> {
  const all = canaries.flatMap(({ seen, unseen }) => [seen, unseen]);
  return Object.fromEntries(all.map(({ jti, token }) => [jti, token]));
}
