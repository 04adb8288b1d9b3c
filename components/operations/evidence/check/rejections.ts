import type { Facts, Instance } from "./instance-facts.ts";
import { isBefore, isWithin } from "./times.ts";

/** A start is measured by the node's clock, which may differ from the runner's. */
const clockSkewMs = 60_000;

/** It rejected every token of a retired key, after the key was disabled and before the token expired. */
export function answerGaps({ checks, proof }: Instance, { evidence, verification }: Facts): string[] {
  const gaps = checks
    .filter(({ check }) => check === "retired")
    .flatMap(({ subject, canary = "seen", jti, verdict, at }) => {
      const key = evidence.retired.find(({ kid }) => kid === subject);
      const token = evidence.canaries.find(({ kid }) => kid === subject)?.[canary];
      const what = `the ${canary} canary token of kid ${subject}`;
      return [
        ...(key ? [] : [`kid ${subject} is not retired`]),
        ...(verdict.kind === "rejected" ? [] : [`it answered ${verdict.kind} to ${what}`]),
        ...(evidence.schemaVersion === 1 || isControlled(key?.algorithm, checks, { evidence, verification })
          ? []
          : [`it was not seen to accept the control token beside ${what}`]),
        ...(token?.jti === jti ? [] : [`${what} has another jti`]),
        ...(key && !isBefore(key.disabledAt, at) ? [`it rejected ${what} before the key was disabled`] : []),
        ...(token && !isBefore(at, token.expiresAt) ? [`it rejected ${what} after that had expired`] : []),
      ];
    });
  return gaps.map((gap) => `has proof level ${proof}, but ${gap}`);
}

/** Whether it accepted the twin of a key's canary tokens: one that signs with a key that signs now. */
function isControlled(
  algorithm: string | undefined,
  checks: Instance["checks"],
  { evidence: { signers }, verification: { controls = [] } }: Pick<Facts, "evidence" | "verification">,
): boolean {
  const twins = controls.filter((control) => signers.some(({ kid }) => kid === control.kid));
  const twin = twins.find((control) => control.algorithm === algorithm) ?? twins[0];
  return checks.some(
    (one) =>
      one.check === "control" &&
      one.jti === twin?.jti &&
      one.subject === twin?.kid &&
      one.verdict.kind === "accepted",
  );
}

/** The time of proof is that of these answers, or lies in an earlier attempt. */
export function proofTime(
  { provenAt, checks, startup }: Instance,
  { evidence, verification }: Facts,
): string[] {
  if (provenAt === undefined) return ["is proven, but no time of proof is given"];
  const answers = checks.filter(({ check }) => check === "retired").map(({ at }) => at);
  const last = answers.toSorted().at(-1);
  const isInAttempt = evidence.attempts.slice(0, -1).some((attempt) => isWithin(provenAt, attempt));
  const isNow = last === undefined ? isWithin(provenAt, verification) : provenAt === last;
  return [
    ...(isNow || isInAttempt ? [] : [`is listed as proven at ${provenAt}, when it was not asked`]),
    ...evidence.retired
      .filter(({ disabledAt }) => !isBefore(disabledAt, provenAt))
      .map(({ kid }) => `is listed as proven at ${provenAt}, before kid ${kid} was disabled`),
    ...(startup && Date.parse(provenAt) + clockSkewMs < Date.parse(startup.startedAt)
      ? ["is listed as proven before it started"]
      : []),
  ];
}
