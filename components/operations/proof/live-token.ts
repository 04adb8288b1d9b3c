import type { MintedToken } from "../canaries/canary.ts";
import type { OpenInstance } from "../fleet/instances.ts";
import type { ProbeSettings } from "../fleet/probe-settings.ts";
import { probe, type Verdict } from "./probe.ts";

/** Whether a token is unexpired on every clock that is off by no more than the tolerated skew. */
export function isLive(
  { expiresAt }: Pick<MintedToken, "expiresAt">,
  { clockSkewSeconds }: Pick<ProbeSettings, "clockSkewSeconds">,
): boolean {
  return Date.now() < Date.parse(expiresAt) - clockSkewSeconds * 1_000;
}

/** The verdict on a token that may have expired while it was asked about. */
export function tooOld({ expiresAt }: Pick<MintedToken, "expiresAt">): Verdict {
  return { kind: "inconclusive", reason: `the token expires at ${expiresAt}` };
}

/** A rejection proves nothing once the instance may consider the token expired, by its clock or by ours. */
export async function probeLive(
  instance: OpenInstance,
  settings: ProbeSettings,
  token: Pick<MintedToken, "token" | "expiresAt">,
): Promise<Verdict> {
  const verdict = await probe(instance, settings, token.token);
  return isLive(token, settings) ? verdict : tooOld(token);
}
