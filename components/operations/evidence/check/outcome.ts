import { isDeepStrictEqual } from "node:util";
import type { PhaseName } from "../../base/run-context.ts";
import type { Evidence } from "../evidence-schema.ts";
import { checkNotProven } from "./not-proven.ts";
import { hasRelapsed } from "./watch.ts";

type Verification = NonNullable<Evidence["verification"]>;

/** Whether the outcome of the run follows from the results of its parts. A problem has no full stop. */
export function checkOutcome(evidence: Evidence): string[] {
  const { outcome, verification, failedPhase, phases } = evidence;
  const isVerified = verification?.verified === true && !hasRelapsed(evidence);
  const failed = phases.filter((one) => one.outcome === "failed").map(({ phase }) => phase);
  return [
    ...(isVerified === (outcome === "verified")
      ? []
      : [`outcome is ${outcome}, but ${describeProof(evidence)}`]),
    ...(outcome === "verified" && (failedPhase ?? evidence.error) !== undefined
      ? ["outcome is verified, but a failed phase or an error is given"]
      : []),
    ...(outcome === "failed" && !isFailed(failedPhase, failed)
      ? [
          `failedPhase is ${failedPhase ?? "not given"}, but the failed phases are: ${failed.join(", ") || "none"}`,
        ]
      : []),
    ...(verification ? checkVerification(evidence, verification) : []),
    ...checkAttempts(evidence),
    ...checkNotProven(evidence),
  ];
}

function describeProof({ verification, ...rest }: Evidence): string {
  if (!verification) return "nothing was verified";
  if (hasRelapsed(rest)) return "the watch after the proof lists a relapse";
  return `verification.verified is ${verification.verified}`;
}

function isFailed(given: PhaseName | undefined, failed: readonly PhaseName[]): boolean {
  return given === undefined ? failed.length === 0 : failed.includes(given);
}

function checkVerification(evidence: Evidence, verification: Verification): string[] {
  const { verified, failures } = verification;
  return [
    ...verification.issuer
      .filter(({ ok, ...said }) => ok !== isGood(said, evidence))
      .map(
        ({ kid, verdict, control, ok }) =>
          `Keycloak answered ${verdict.kind} to kid ${kid} and ${control?.verdict.kind ?? "nothing"} to its control token, which is marked ${ok ? "good" : "bad"}`,
      ),
    ...(verified || failures.length > 0 ? [] : ["the run is not verified, but no failure is given"]),
    ...(verified
      ? contradictions(evidence, verification).map((one) => `the run is verified, but ${one}`)
      : []),
  ];
}

/** Version 1 knows no control tokens. */
function isGood(
  { verdict, control }: Pick<Verification["issuer"][number], "verdict" | "control">,
  { schemaVersion }: Evidence,
): boolean {
  return verdict.kind === "rejected" && (schemaVersion === 1 || control?.verdict.kind === "accepted");
}

/** What a verified run can't have. */
function contradictions(evidence: Evidence, verification: Verification): string[] {
  const { retired, canaries, signers, sessions, internalKeys, mode, passive } = evidence;
  const { failures, unseen, instances, issuer, denyList = [], fresh } = verification;
  const isRejected = ({ kid, seen, unseen }: Evidence["canaries"][number]) =>
    issuer.some((one) => one.ok && one.kid === kid && [seen.jti, unseen.jti].includes(one.jti));
  const closed = (verification.acknowledged ?? []).map(({ kid }) => kid);
  const mintable = canaries.filter(
    ({ kid }) => retired.some((key) => key.kid === kid) && !closed.includes(kid),
  );
  const failedActions = [...(sessions?.failures ?? []), ...(internalKeys?.failures ?? [])];
  return [
    ...failures.map((failure) => `a failure is listed: ${failure}`),
    ...unseen.map((one) => `a target could not be listed: ${one}`),
    ...failedActions.map((failure) => `a failure is listed: ${failure}`),
    ...(instances.length === 0 ? ["no instance was asked"] : []),
    ...instances.filter((one) => !one.verified).map(({ instance }) => `${instance} is not verified`),
    ...denyList.filter(({ ok }) => !ok).map(({ instance }) => `the deny-list of ${instance} is not proven`),
    ...mintable
      .filter((canary) => !isRejected(canary))
      .map(({ kid }) => `Keycloak did not reject kid ${kid}`),
    ...fresh
      .filter(({ kid }) => !signers.some((key) => key.kid === kid))
      .map(({ kid }) => `a fresh token was signed by kid ${kid}, which does not sign`),
    ...(fresh.length === 0 ? ["no fresh token was minted"] : []),
    ...(mode === "emergency" && passive.length > 0 ? ["an emergency has left passive keys trusted"] : []),
  ];
}

/** Instances that were asked before and not verified. Pods are left out, as they may end at any time. */
export function missingInstances({ baseline, refresh, verification }: Evidence): string[] {
  const { instances = [], departed = [] } = verification ?? {};
  const known = [...instances.map(({ instance }) => instance), ...departed];
  const asked = [...baseline, ...refresh]
    .filter(({ uid }) => uid === undefined)
    .map(({ instance }) => instance);
  return [...new Set(asked)].filter((name) => !known.includes(name));
}

/** The last attempt must be the verification. */
function checkAttempts({ attempts, verification }: Evidence): string[] {
  const last = attempts.at(-1);
  if (!last || !verification) return [];
  const { startedAt, finishedAt, verified, failures } = verification;
  const isSame = isDeepStrictEqual(last, { startedAt, finishedAt, verified, failures });
  return isSame ? [] : ["the last verification attempt does not match the verification"];
}
