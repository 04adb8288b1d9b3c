import type { Evidence } from "../evidence-schema.ts";
import type { Facts, Instance } from "./instance-facts.ts";
import { beginningOf, isBefore, isWithin } from "./times.ts";

type RetiredKey = Evidence["retired"][number];

/** A start is measured by the node's clock, which may differ from the runner's. */
const clockSkewMs = 60_000;

/** The answers about a retired key's canary tokens. */
export function checksAbout(kid: string, { checks }: Pick<Instance, "checks">): Instance["checks"] {
  return checks.filter(({ check, subject }) => check === "retired" && subject === kid);
}

/** It rejected every token of a retired key, after the key was disabled and before the token expired. */
export function answerGaps(key: RetiredKey, instance: Instance, { evidence, verification }: Facts): string[] {
  const { kid, algorithm, disabledAt } = key;
  return checksAbout(kid, instance).flatMap(({ canary = "seen", jti, verdict, at }) => {
    const token = evidence.canaries.find((one) => one.kid === kid)?.[canary];
    const what = `the ${canary} canary token of kid ${kid}`;
    return [
      ...(verdict.kind === "rejected" ? [] : [`it answered ${verdict.kind} to ${what}`]),
      ...(evidence.schemaVersion === 1 || isControlled(algorithm, instance.checks, { evidence, verification })
        ? []
        : [`it was not seen to accept the control token beside ${what}`]),
      ...(token?.jti === jti ? [] : [`${what} has another jti`]),
      ...(isBefore(disabledAt, at) ? [] : [`it rejected ${what} before the key was disabled`]),
      ...(token && !isBefore(at, token.expiresAt) ? [`it rejected ${what} after that had expired`] : []),
    ];
  });
}

/** Whether it accepted the twin of a key's canary tokens: one that signs with a key that signs now. */
function isControlled(
  algorithm: string,
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

/** The time of proof is that of these answers, or lies in an earlier attempt, or before this rotation. */
export function proofTime(
  key: RetiredKey,
  provenAt: string | undefined,
  instance: Instance,
  { evidence, verification }: Facts,
): string[] {
  if (provenAt === undefined) return ["is proven, but no time of proof is given"];
  const answers = checksAbout(key.kid, instance).map(({ at }) => at);
  const last = answers.toSorted().at(-1);
  const attempts = evidence.attempts.slice(0, -1);
  const isInAttempt = attempts.some((attempt) => isWithin(provenAt, attempt));
  const isNow = last === undefined ? isWithin(provenAt, verification) : provenAt === last;
  const { startup } = instance;
  return [
    // One of before this rotation: then another bundle has the answers.
    ...(isNow || isInAttempt || isBefore(provenAt, beginningOf(evidence))
      ? []
      : [`is listed as proven at ${provenAt}, when it was not asked`]),
    ...(isBefore(key.disabledAt, provenAt)
      ? []
      : [`is listed as proven at ${provenAt}, before kid ${key.kid} was disabled`]),
    ...(startup && Date.parse(provenAt) + clockSkewMs < Date.parse(startup.startedAt)
      ? ["is listed as proven before it started"]
      : []),
  ];
}
