import { messageOf } from "../base/errors.ts";
import type { Canary, MintedToken } from "../canaries/canary.ts";
import { controlOf } from "../canaries/controls.ts";
import type { ProbeSettings } from "../fleet/probe-settings.ts";
import type { Discovery } from "../keycloak/jwks.ts";
import type { KeycloakAdmin } from "../keycloak/keycloak-admin.ts";
import { isLive, tooOld } from "./live-token.ts";
import { describeVerdict, type Verdict, verdictOf } from "./probe.ts";

/** Keycloak's own userinfo on a canary token of a retired key, and on its control token, one right after the other. */
export interface IssuerPair {
  kid: string;
  jti: string;
  verdict: Verdict;
  control: { jti: string; verdict: Verdict };
}

/** The verdict of the issuer's own userinfo endpoint on a canary token of a retired key. */
export interface IssuerCheck {
  kid: string;
  jti: string;
  verdict: Verdict;
  /** Its verdict on the control token. Where sessions are ended later, neither is accepted, so it is asked for before that. */
  control?: IssuerPair["control"];
  ok: boolean;
}

/** Asks about each canary token and its control token, before a session is ended. Never throws. */
export async function askIssuerForPairs(
  admin: KeycloakAdmin,
  { userinfoEndpoint }: Pick<Discovery, "userinfoEndpoint">,
  settings: Pick<ProbeSettings, "clockSkewSeconds">,
  canaries: readonly Canary[],
  controls: readonly MintedToken[],
): Promise<IssuerPair[]> {
  const pairs = await Promise.all(
    canaries.map(async ({ kid, algorithm, unseen }) => {
      const control = controlOf({ algorithm }, controls);
      if (!control) return [];
      const verdict = await askUserinfo(admin, userinfoEndpoint, settings, unseen);
      const twin = await askUserinfo(admin, userinfoEndpoint, settings, control);
      return [{ kid, jti: unseen.jti, verdict, control: { jti: control.jti, verdict: twin } }];
    }),
  );
  return pairs.flat();
}

/**
 * Asks about each canary token, once more.
 *
 * @param pairs what it said right after the cut-over: only where it accepted the control token then, a rejection means the key
 */
export async function askIssuer(
  admin: KeycloakAdmin,
  { userinfoEndpoint }: Discovery,
  settings: ProbeSettings,
  canaries: readonly Canary[],
  pairs: readonly IssuerPair[],
): Promise<IssuerCheck[]> {
  return Promise.all(
    canaries.map(async ({ kid, unseen }) => {
      const verdict = await askUserinfo(admin, userinfoEndpoint, settings, unseen);
      const pair = pairs.find((one) => one.kid === kid);
      const isForTheKey = pair?.verdict.kind === "rejected" && pair.control.verdict.kind === "accepted";
      return {
        kid,
        jti: unseen.jti,
        verdict,
        ...(pair ? { control: pair.control } : {}),
        ok: verdict.kind === "rejected" && isForTheKey,
      };
    }),
  );
}

/** Never throws: the instances' results must not be lost because the issuer does not answer. */
async function askUserinfo(
  admin: KeycloakAdmin,
  userinfoEndpoint: string,
  settings: Pick<ProbeSettings, "clockSkewSeconds">,
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
export function describeIssuer({ kid, verdict, control }: IssuerCheck): string {
  if (verdict.kind !== "rejected")
    return `Keycloak's userinfo endpoint does not reject retired kid ${kid} (${describeVerdict(verdict)})`;
  const what = control ? describeVerdict(control.verdict) : "was not asked";
  return `Keycloak's userinfo endpoint rejects retired kid ${kid}, and it is not shown that it does so for the key's sake: its control token ${what}`;
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
