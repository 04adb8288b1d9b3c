import { decodeJwt } from "jose";
import { z } from "zod";
import type { Canary, MintedToken } from "../canaries/canary.ts";
import { type KeptControls, mintControls, withControlTokens } from "../canaries/controls.ts";
import type { ProbeClient } from "../canaries/tokens.ts";
import type { ProbeSettings } from "../fleet/probe-settings.ts";
import type { Discovery } from "../keycloak/jwks.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { askIssuerForPairs, type IssuerPair } from "./ask-issuer.ts";
import { isLive } from "./live-token.ts";

/** The control tokens, and what Keycloak itself said of them and of the canary tokens. */
export interface Twins extends KeptControls {
  issuer: IssuerPair[];
}

interface TwinRequest {
  clients: readonly ProbeClient[];
  probe: Pick<ProbeSettings, "clockSkewSeconds">;
  canaries: readonly Canary[];
}

/** Mints the control tokens of canary tokens, and asks Keycloak about both. */
export async function mintTwins(
  admin: KeycloakAdmin,
  discovery: Discovery,
  { clients, probe, canaries }: TwinRequest,
): Promise<Twins> {
  const minted = await mintControls(admin, discovery.tokenEndpoint, clients);
  const controls = withControlTokens(minted.controls, minted.tokens);
  return { ...minted, issuer: await askIssuerForPairs(admin, discovery, probe, canaries, controls) };
}

const realmShape = z.looseObject({ notBefore: z.number().nullish() });

/**
 * The control tokens that are twins of the canary tokens. One that was minted after sessions were ended, for canary tokens
 * from before that, is none: an API that minds the realm's `notBefore` tells them apart without a look at a key.
 */
export async function trueTwins(
  admin: KeycloakAdmin,
  { clockSkewSeconds }: Pick<ProbeSettings, "clockSkewSeconds">,
  canaries: readonly Canary[],
  controls: readonly MintedToken[],
): Promise<MintedToken[]> {
  if (canaries.length === 0) return [];
  const { notBefore } = await admin.get("", realmShape);
  const isBefore = ({ token }: MintedToken) => (decodeJwt(token).iat ?? 0) < (notBefore ?? 0);
  const isTwin = (control: MintedToken) =>
    canaries.every(({ unseen }) => isBefore(unseen) === isBefore(control));
  return controls.filter((control) => isLive(control, { clockSkewSeconds }) && isTwin(control));
}
