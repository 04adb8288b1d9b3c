import { isDeepStrictEqual } from "node:util";
import type { PhaseName } from "../../base/run-context.ts";
import type { Evidence } from "../evidence-schema.ts";

type Verification = NonNullable<Evidence["verification"]>;

/** Whether what the bundle says of the whole run follows from what it says of the parts. A problem has no full stop. */
export function checkOutcome(evidence: Evidence): string[] {
  const { outcome, verification, failedPhase, phases } = evidence;
  const isVerified = verification?.verified === true;
  const failed = phases.filter((one) => one.outcome === "failed").map(({ phase }) => phase);
  return [
    ...(isVerified === (outcome === "verified")
      ? []
      : [
          `outcome is ${outcome}, and ${verification ? `verified is ${isVerified}` : "nothing was verified"}`,
        ]),
    ...(outcome === "verified" && (failedPhase ?? evidence.error) !== undefined
      ? ["outcome is verified, and a failed phase or an error is given"]
      : []),
    ...(outcome === "failed" && !isFailed(failedPhase, failed)
      ? [`the failed phase is given as ${failedPhase ?? "none"}; failed are ${failed.join(", ") || "none"}`]
      : []),
    ...(verification ? checkVerification(evidence, verification) : []),
    ...checkAttempts(evidence),
    ...checkNotProven(evidence),
  ];
}

function isFailed(given: PhaseName | undefined, failed: readonly PhaseName[]): boolean {
  return given === undefined ? failed.length === 0 : failed.includes(given);
}

function checkVerification(evidence: Evidence, verification: Verification): string[] {
  const { verified, failures } = verification;
  return [
    ...verification.issuer
      .filter(({ ok, verdict }) => ok !== (verdict.kind === "rejected"))
      .map(
        ({ kid, verdict, ok }) =>
          `Keycloak's verdict on kid ${kid} is ${verdict.kind}, and that is called ${ok ? "good" : "bad"}`,
      ),
    ...(verified || failures.length > 0 ? [] : ["it is not verified, and no failure says why"]),
    ...(verified ? contradictions(evidence, verification).map((one) => `it is verified, and ${one}`) : []),
  ];
}

/** What no verified rotation can have. */
function contradictions(evidence: Evidence, verification: Verification): string[] {
  const { retired, canaries, signers, sessions, internalKeys, mode, passive } = evidence;
  const { failures, unseen, instances, issuer, denyList = [], fresh } = verification;
  const asked = issuer.filter(({ ok }) => ok).map(({ kid }) => kid);
  const mintable = canaries.filter(({ kid }) => retired.some((key) => key.kid === kid));
  const failedBeside = [...(sessions?.failures ?? []), ...(internalKeys?.failures ?? [])];
  return [
    ...failures.map((failure) => `there is a failure: ${failure}`),
    ...unseen.map((one) => `a target was not seen: ${one}`),
    ...failedBeside.map((failure) => `there is a failure: ${failure}`),
    ...(instances.length === 0 ? ["no instance was asked"] : []),
    ...instances.filter((one) => !one.verified).map(({ instance }) => `${instance} is not`),
    ...denyList.filter(({ ok }) => !ok).map(({ instance }) => `the deny-list of ${instance} is not proven`),
    ...mintable
      .filter(({ kid }) => !asked.includes(kid))
      .map(({ kid }) => `Keycloak did not reject kid ${kid}`),
    ...fresh
      .filter(({ kid }) => !signers.some((key) => key.kid === kid))
      .map(({ kid }) => `a fresh token was signed by kid ${kid}, which is no signer`),
    ...(fresh.length === 0 ? ["no fresh token was minted"] : []),
    ...(mode === "emergency" && passive.length > 0 ? ["an emergency has left passive keys trusted"] : []),
  ];
}

/** Instances with an address of their own that were asked before and not verified: they don't go away by themselves, as pods may. */
export function missingInstances({ baseline, refresh, verification }: Evidence): string[] {
  const { instances = [], departed = [] } = verification ?? {};
  const known = [...instances.map(({ instance }) => instance), ...departed];
  const asked = [...baseline, ...refresh]
    .filter(({ uid }) => uid === undefined)
    .map(({ instance }) => instance);
  return [...new Set(asked)].filter((name) => !known.includes(name));
}

/** The last attempt is the verification that is given. */
function checkAttempts({ attempts, verification }: Evidence): string[] {
  const last = attempts.at(-1);
  if (!last || !verification) return [];
  const { startedAt, finishedAt, verified, failures } = verification;
  const isSame = isDeepStrictEqual(last, { startedAt, finishedAt, verified, failures });
  return isSame ? [] : ["the last of the verification attempts is not the verification that is given"];
}

/** What was not proven must be said; a bundle from which it was taken out looks better than it is. */
function checkNotProven({ verification, notProven }: Evidence): string[] {
  if (!verification)
    return notProven.some((line) => line.startsWith("Nothing was verified"))
      ? []
      : ["it is not said that nothing was verified"];
  const said = new Set(notProven);
  const hidden = verification.failures.filter((failure) => !said.has(`${failure}.`));
  const isWeak = verification.instances.some(({ proof }) => proof === "restarted");
  return [
    ...hidden.map((failure) => `a failure is not listed as not proven: ${failure}`),
    ...(isWeak && !notProven.some((line) => line.includes("proof level restarted"))
      ? ["it is not said that some instances have the weaker proof"]
      : []),
  ];
}

/** Whether the exposure window is what the times of the disabling and of the proofs make. */
export function checkExposureWindow(evidence: Evidence): string[] {
  const { exposureWindow: given } = evidence;
  const computed = computeWindow(evidence);
  if (isDeepStrictEqual(computed, given)) return [];
  return [`the exposure window is given as ${describe(given)}; the times make it ${describe(computed)}`];
}

/** Computed anew, from the rule and not by what has written it: from the first disabling to the last proof. */
function computeWindow({ retired, verification }: Evidence): Evidence["exposureWindow"] {
  const proofs = verification?.instances.filter(({ proof }) => proof === "replayed" || proof === "restarted");
  const isWhole = proofs?.length === verification?.instances.length && verification?.unseen.length === 0;
  const first = earliestFirst(retired.map(({ disabledAt }) => disabledAt))[0];
  const last = earliestFirst(proofs?.flatMap(({ provenAt }) => provenAt ?? []) ?? []).at(-1);
  if (!isWhole || first === undefined || last === undefined) return undefined;
  const ms = Math.max(0, Date.parse(last) - Date.parse(first));
  return { from: first, to: last, ms, exact: retired.every(({ disabledAtIsExact }) => disabledAtIsExact) };
}

function earliestFirst(times: readonly string[]): string[] {
  return times.toSorted((a, b) => Date.parse(a) - Date.parse(b));
}

function describe(window: Evidence["exposureWindow"]): string {
  if (!window) return "open, or none";
  return `${window.exact ? "" : "at most "}${window.ms} ms, ${window.from} to ${window.to}`;
}
