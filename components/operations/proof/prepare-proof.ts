import type { Canary } from "../canaries/canary.ts";
import { keepOf } from "../canaries/kept-canaries.ts";
import { mintPair, withoutTokens } from "../canaries/mint-canaries.ts";
import { openTargets } from "../fleet/targets.ts";
import { discover, readJwks } from "../keycloak/jwks.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { listSigningKeys } from "../keys/realm-keys.ts";
import { retiringKeys } from "../keys/retiring-keys.ts";
import { askEveryInstance, lookAround, refuseGaps, refuseRejected, unknownEverywhere } from "./baseline.ts";
import type { CanaryRequest, CanaryResult } from "./canary-findings.ts";
import { carriedOver, keptCanary } from "./kept-proof.ts";

/**
 * Mints two canaries with each signing key that the rotation will retire, or takes those kept from an earlier run, and
 * asks every instance for its verdict on the first of them, while the key is still trusted. An instance that rejects
 * one is refreshed and asked again.
 *
 * @throws {RotationError} ALGORITHM_NOT_COVERED for a key that no probe client can mint with;
 *   BASELINE_INCOMPLETE when an instance does not answer, and there is no emergency;
 *   BASELINE_REJECTED when instances answer and none accepts, because then the probe is wrong and would prove nothing;
 *   NO_INSTANCES when a target has none; a Kubernetes code when a cluster refuses us
 */
export async function mintCanaries(admin: KeycloakAdmin, request: CanaryRequest): Promise<CanaryResult> {
  const targets = await openTargets(request.targets);
  const isAnyReady = await lookAround(request.targets, targets);
  const [discovery, keysBefore] = [await discover(admin), await listSigningKeys(admin)];
  const keysBeforeAt = new Date().toISOString();
  const jwksBefore = await readJwks(admin, discovery.jwksUri);
  const retiring = retiringKeys(keysBefore, request);
  const canaries: Canary[] = [];
  let borrowedAt = request.kept?.findings.borrowedAt;
  for (const key of retiring) {
    const kept = keptCanary(key, request.kept);
    canaries.push(kept ?? (await mintPair(admin, discovery, key, keysBefore, request.probeClients)));
    if (!kept && !key.signing) borrowedAt = new Date().toISOString();
  }
  const { baseline, notAsked } = await askEveryInstance(targets, request, canaries, isAnyReady);
  const verdicts = baseline.flatMap((one) => one.verdicts.map(({ verdict }) => verdict.kind));
  const doubtful = request.mode === "emergency" ? unknownEverywhere(canaries, retiring, baseline) : [];
  for (const { kid } of canaries) if (!doubtful.includes(kid)) refuseRejected(kid, baseline);
  const baselineSkipped = canaries.length > 0 && verdicts.every((kind) => kind === "inconclusive");
  if (request.mode !== "emergency") refuseGaps(baseline, notAsked);
  const proving = canaries.filter(({ kid }) => !doubtful.includes(kid));
  const references = proving.map(withoutTokens);
  const carried = carriedOver(keysBefore, request.kept);
  return {
    tokens: {
      ...keepOf(
        carried.flatMap((one) => one.canaries),
        request.kept?.tokens ?? {},
      ).canaryTokens,
      ...Object.fromEntries(
        proving.flatMap(({ seen, unseen }) => [seen, unseen]).map(({ jti, token }) => [jti, token]),
      ),
    },
    findings: {
      canaries: references,
      keysBefore,
      keysBeforeAt,
      jwksBefore,
      baseline: baseline.map((one) => ({
        ...one,
        verdicts: one.verdicts.filter(({ kid }) => !doubtful.includes(kid)),
      })),
      notAsked,
      baselineSkipped,
      ...(carried.length > 0 ? { carried } : {}),
      ...(borrowedAt === undefined ? {} : { borrowedAt }),
    },
  };
}
