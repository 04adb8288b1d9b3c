import { decodeJwt } from "jose";
import { RotationError } from "../base/errors.ts";
import type { Canary, MintedToken } from "../canaries/canary.ts";
import { forgersKey, forgeTokens } from "../canaries/forged-tokens.ts";
import { withTokens } from "../canaries/kept-canaries.ts";
import type { ProbeClients } from "../canaries/probe-clients.ts";
import { mintToken } from "../canaries/tokens.ts";
import { type Discovery, readJwks } from "../keycloak/jwks.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { isTrusted, listSigningKeys } from "../keys/realm-keys.ts";
import { isLive } from "./live-token.ts";
import type { Questions, ShortLivedToken } from "./questions.ts";
import { deadCanaries, retiredCanaries } from "./retired-keys.ts";
import { trueTwins } from "./twins.ts";
import type { VerificationRequest } from "./verification-request.ts";

/** Mints and forges the tokens that every instance is asked about. */
export async function prepareQuestions(
  admin: KeycloakAdmin,
  { tokenEndpoint, jwksUri, probes }: Discovery & { probes: ProbeClients },
  request: VerificationRequest,
): Promise<Questions> {
  const { fleet, retired, passive, newKids } = request;
  for (const { algorithm } of probes.clients) forgersKey(algorithm);
  const canaries = retiredCanaries(retired);
  const [jwks, controls, earlier, expired, ...fresh] = await Promise.all([
    readJwks(admin, jwksUri),
    trueTwins(admin, fleet.probe, deadCanaries(request), retired.controls),
    stillDead(admin, request),
    mintToken(admin, tokenEndpoint, probes.expired).then(shortLived),
    ...probes.clients.map((client) => mintToken(admin, tokenEndpoint, client)),
  ]);
  const retiredKids = retired.keys.map(({ kid }) => kid);
  return {
    fleet,
    expectation: {
      present: [...newKids, ...passive.map(({ kid }) => kid)],
      absent: [...retiredKids, ...earlier.map(({ kid }) => kid)],
    },
    canaries,
    controls,
    earlier,
    passive: withTokens(retired).filter(({ kid }) => passive.some((key) => key.kid === kid)),
    withoutCanary: retiredKids.filter((kid) => !canaries.some((canary) => canary.kid === kid)),
    acknowledged: request.acknowledged.map(({ kid }) => kid),
    fresh,
    forged: await forgeTokens(fresh, jwks),
    expired,
  };
}

/** Canary tokens that can be asked about: unexpired, and nobody has enabled their key again. */
async function stillDead(
  admin: KeycloakAdmin,
  { earlier, fleet: { probe } }: VerificationRequest,
): Promise<Canary[]> {
  const canaries = earlier ? withTokens(earlier) : [];
  if (canaries.length === 0) return [];
  const trusted = (await listSigningKeys(admin)).filter(isTrusted).map(({ kid }) => kid);
  return canaries.filter(
    ({ kid, seen, unseen }) => !trusted.includes(kid) && isLive(seen, probe) && isLive(unseen, probe),
  );
}

/** Longer than any token of the probe client for expired tokens lives, in seconds. */
const longestWait = 60;

/** A token with its end by our own clock. */
export function shortLived(minted: MintedToken): ShortLivedToken {
  const { iat = 0, exp = 0 } = decodeJwt(minted.token);
  if (exp - iat > longestWait) throw notExpired(exp - iat);
  return { ...minted, expiresHere: Date.now() + (exp - iat) * 1_000 };
}

function notExpired(seconds: number): RotationError {
  return new RotationError(
    "TOKEN_NOT_MINTED",
    `asked for an expired token, but Keycloak minted one that lives for ${seconds} s`,
    { nextStep: "find out what sets the access token lifespan of client jwks-break-glass-probe-expired" },
  );
}
