import { decodeJwt } from "jose";
import { z } from "zod";
import type { Canary, MintedToken } from "../canaries/canary.ts";
import { controlOf, type KeptControls, mintControls, withControlTokens } from "../canaries/controls.ts";
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

/** When the realm's sessions were ended last, in seconds since 1970; 0 where they never were. */
export async function readNotBefore(admin: KeycloakAdmin): Promise<number> {
  const { notBefore } = await admin.get("", realmShape);
  return notBefore ?? 0;
}

/**
 * The control token that is the twin of a key's canary tokens. One that was minted after sessions were ended, for canary
 * tokens from before that, is none: an API that minds the realm's `notBefore` tells them apart without a look at a key. Pure.
 */
export function twinOf(
  { algorithm, unseen }: Canary,
  controls: readonly MintedToken[],
  notBefore: number,
): MintedToken | undefined {
  const isBefore = ({ token }: MintedToken) => (decodeJwt(token).iat ?? 0) < notBefore;
  return controlOf(
    { algorithm },
    controls.filter((control) => isBefore(control) === isBefore(unseen)),
  );
}

/** The control tokens that have not expired. */
export function liveControls(
  controls: readonly MintedToken[],
  probe: Pick<ProbeSettings, "clockSkewSeconds">,
): MintedToken[] {
  return controls.filter((control) => isLive(control, probe));
}
