import { RotationError } from "../base/errors.ts";
import { listNames } from "../base/list-names.ts";
import type { RealmKey } from "../keys/realm-keys.ts";
import { isUntried } from "../keys/signers.ts";
import { baselineGap, takesForgeries, whyForged } from "./baseline-verdict.ts";
import type { Baseline, CanaryFindings } from "./canary-findings.ts";

/**
 * Keys that no user has a token of and that no instance accepts, because none was ever told of them: no instance keeps
 * them alive, so they need no canary tokens. Pure.
 */
export function unknownEverywhere(keys: readonly RealmKey[], baseline: readonly Baseline[]): string[] {
  const isAccepted = (kid: string) => baseline.some((one) => verdictOn(kid, one)?.kind === "accepted");
  return keys.filter((key) => isUntried(key) && !isAccepted(key.kid)).map(({ kid }) => kid);
}

function verdictOn(kid: string, { verdicts }: Baseline) {
  return verdicts.find((one) => one.kid === kid)?.verdict;
}

/**
 * Where instances answer and none accepts a key's canary token, the probe is wrong: a later rejection would prove nothing.
 * @throws {RotationError} BASELINE_REJECTED
 */
export function refuseRejected(kid: string, baseline: readonly Baseline[]): void {
  const kindOf = (one: Baseline) => verdictOn(kid, one)?.kind;
  const rejecting = baseline.filter((one) => kindOf(one) === "rejected").map(({ instance }) => instance);
  if (rejecting.length === 0 || baseline.some((one) => kindOf(one) === "accepted")) return;
  throw new RotationError(
    "BASELINE_REJECTED",
    `no instance accepts a valid token of kid ${kid} (rejected by ${listNames(rejecting)}), so a later rejection would prove nothing`,
    {
      nextStep:
        "set probe.audience, probe.realmRoles and probe.path to what the API requires; nothing was rotated",
    },
  );
}

/**
 * Outside an emergency there is time to fix what does not answer, so that nothing is left unproven.
 * @throws {RotationError} PROBE_TAKES_FORGERIES, BASELINE_INCOMPLETE
 */
export function refuseGaps({ baseline, notAsked }: Pick<CanaryFindings, "baseline" | "notAsked">): void {
  refuseForgeries(baseline);
  const gaps = baseline.flatMap(({ instance, verdicts }) =>
    verdicts
      .flatMap((known) => baselineGap(known.kid, known) ?? [])
      .slice(0, 1)
      .map((gap) => `${instance} ${gap}`),
  );
  const all = [...notAsked, ...gaps];
  if (all.length === 0) return;
  throw new RotationError(
    "BASELINE_INCOMPLETE",
    `not every instance could be shown to accept valid tokens and no others (${listNames(all)})`,
    {
      nextStep:
        "fix the instances named above or remove them from targets, then run the same up again; no key was changed",
    },
  );
}

/** @throws {RotationError} PROBE_TAKES_FORGERIES */
function refuseForgeries(baseline: readonly Baseline[]): void {
  const taking = baseline
    .filter(({ verdicts }) => verdicts.some(takesForgeries))
    .map(({ instance }) => instance);
  if (taking.length === 0) return;
  throw new RotationError(
    "PROBE_TAKES_FORGERIES",
    `${listNames(taking)} accepted a token with a wrong signature: ${whyForged}`,
    {
      nextStep:
        "set probe.path to an operation that checks the token in the API's own process, and the statuses to what that answers; no key was changed",
    },
  );
}
