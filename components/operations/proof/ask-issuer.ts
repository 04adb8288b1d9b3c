import { messageOf } from "../base/errors.ts";
import type { Canary, MintedToken } from "../canaries/canary.ts";
import type { ProbeSettings } from "../fleet/probe-settings.ts";
import type { Discovery } from "../keycloak/jwks.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { isLive, tooOld } from "./live-token.ts";
import { describeVerdict, type Verdict, verdictOf } from "./probe.ts";

/** The verdict of the issuer's own userinfo endpoint on a canary token of a retired key. */
export interface IssuerCheck {
  kid: string;
  jti: string;
  verdict: Verdict;
  ok: boolean;
}

export async function askIssuer(
  admin: KeycloakAdmin,
  { userinfoEndpoint }: Discovery,
  settings: ProbeSettings,
  canaries: readonly Canary[],
): Promise<IssuerCheck[]> {
  return Promise.all(
    canaries.map(async ({ kid, unseen }) => {
      const verdict = await askUserinfo(admin, userinfoEndpoint, settings, unseen);
      return { kid, jti: unseen.jti, verdict, ok: verdict.kind === "rejected" };
    }),
  );
}

/** Never throws: the instances' results must not be lost because the issuer does not answer. */
async function askUserinfo(
  admin: KeycloakAdmin,
  userinfoEndpoint: string,
  settings: ProbeSettings,
  canary: MintedToken,
): Promise<Verdict> {
  try {
    const headers = { authorization: `Bearer ${canary.token}` };
    const { status } = await admin.fetchPublic(userinfoEndpoint, { headers });
    if (!isLive(canary, settings)) return tooOld(canary);
    return verdictOf(status, { acceptedStatuses: [200], rejectedStatuses: [401] });
  } catch (error) {
    return { kind: "inconclusive", reason: messageOf(error), unanswered: true };
  }
}

/** A failed check as one sentence. */
export function describeIssuer({ kid, verdict }: IssuerCheck): string {
  return `Keycloak's userinfo endpoint does not reject retired kid ${kid} (${describeVerdict(verdict)})`;
}

/** A sentence for each fresh token that was signed with a key of another rotation. */
export function wrongSigners(fresh: readonly MintedToken[], newKids: readonly string[]): string[] {
  return fresh
    .filter(({ kid }) => !newKids.includes(kid))
    .map(
      ({ kid, algorithm }) =>
        `Keycloak signs ${algorithm} tokens with kid ${kid}, which is not one of this rotation's keys`,
    );
}
