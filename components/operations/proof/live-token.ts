import type { CanaryReference, MintedToken } from "../canaries/canary.ts";
import type { OpenInstance } from "../fleet/instances.ts";
import type { ProbeSettings } from "../fleet/probe-settings.ts";
import { onEveryProcess } from "../fleet/processes.ts";
import { isUnanswered } from "./check.ts";
import { probe, type Verdict } from "./probe.ts";
import { type SpreadVerdict, verdictOfAll } from "./spread.ts";

/** Whether a token is unexpired on every clock that is off by no more than the tolerated skew. */
export function isLive(
  { expiresAt }: Pick<MintedToken, "expiresAt">,
  { clockSkewSeconds }: Pick<ProbeSettings, "clockSkewSeconds">,
): boolean {
  return Date.now() < Date.parse(expiresAt) - clockSkewSeconds * 1_000;
}

/** Whether both of a key's canary tokens are: one alone proves nothing. */
export function isPairLive(
  { seen, unseen }: Pick<CanaryReference, "seen" | "unseen">,
  settings: Pick<ProbeSettings, "clockSkewSeconds">,
): boolean {
  return isLive(seen, settings) && isLive(unseen, settings);
}

/** The verdict on a token that may have expired while it was asked about. */
export function tooOld({ expiresAt }: Pick<MintedToken, "expiresAt">): Verdict {
  return { kind: "inconclusive", reason: `the token expires at ${expiresAt}` };
}

/**
 * Shows one token to each of an instance's processes. A rejection proves nothing once the instance may consider the token
 * expired, by its clock or by ours.
 *
 * @param expected the verdict that all of them have to give
 */
export async function probeLive(
  instance: OpenInstance,
  settings: ProbeSettings,
  token: Pick<MintedToken, "token" | "expiresAt">,
  expected: "accepted" | "rejected",
): Promise<SpreadVerdict> {
  const asked = await probeEveryProcess(instance, settings, token.token, expected);
  return isLive(token, settings) ? asked : { verdict: tooOld(token) };
}

/**
 * Shows one token to each of an instance's processes, as far as they can be told apart.
 *
 * @param expected the verdict that all of them have to give
 */
export async function probeEveryProcess(
  instance: OpenInstance,
  settings: ProbeSettings,
  token: string,
  expected: "accepted" | "rejected",
): Promise<SpreadVerdict> {
  const answers = await onEveryProcess(
    instance,
    (line) => probe(line, settings, token),
    (verdict) => isUnanswered({ verdict }),
  );
  return verdictOfAll(answers, expected);
}
