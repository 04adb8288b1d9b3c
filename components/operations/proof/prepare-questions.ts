import { decodeJwt } from "jose";
import type { Canary, MintedToken } from "../canaries/canary.ts";
import { forgeTokens } from "../canaries/forged-tokens.ts";
import { withTokens } from "../canaries/kept-canaries.ts";
import { mintToken } from "../canaries/tokens.ts";
import { type Discovery, readJwks } from "../keycloak/jwks.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { isTrusted, listSigningKeys } from "../keys/realm-keys.ts";
import { isLive } from "./live-token.ts";
import type { Questions, ShortLivedToken } from "./questions.ts";
import { retiredCanaries } from "./retired-keys.ts";
import type { VerificationRequest } from "./verification-request.ts";

/** Mints and forges the tokens that every instance is asked about. */
export async function prepareQuestions(
  admin: KeycloakAdmin,
  { tokenEndpoint, jwksUri }: Discovery,
  request: VerificationRequest,
): Promise<Questions> {
  const { fleet, retired, passive, newKids } = request;
  const probes = await request.probeClients();
  const [jwks, earlier, expired, ...fresh] = await Promise.all([
    readJwks(admin, jwksUri),
    stillDead(admin, request),
    mintToken(admin, tokenEndpoint, probes.expired).then(shortLived),
    ...probes.clients.map((client) => mintToken(admin, tokenEndpoint, client)),
  ]);
  const canaries = retiredCanaries(retired);
  const retiredKids = retired.keys.map(({ kid }) => kid);
  return {
    fleet,
    expectation: {
      present: [...newKids, ...passive.map(({ kid }) => kid)],
      absent: [...retiredKids, ...earlier.map(({ kid }) => kid)],
    },
    canaries,
    earlier,
    passive: withTokens(retired).filter(({ kid }) => passive.some((key) => key.kid === kid)),
    withoutCanary: retiredKids.filter((kid) => !canaries.some((canary) => canary.kid === kid)),
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

/** A token with its end by our own clock. */
export function shortLived(minted: MintedToken): ShortLivedToken {
  const { iat = 0, exp = 0 } = decodeJwt(minted.token);
  return { ...minted, expiresHere: Date.now() + (exp - iat) * 1_000 };
}
