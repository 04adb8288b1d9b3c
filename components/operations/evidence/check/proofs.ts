import type { Evidence } from "../evidence-schema.ts";
import { isBefore } from "./times.ts";

type Verification = NonNullable<Evidence["verification"]>;
export type Instance = Verification["instances"][number];
type Baseline = Evidence["baseline"][number];

/** What an instance's proof is checked against. */
export interface Facts {
  evidence: Evidence;
  verification: Verification;
  /** What the instance answered before the cut-over. */
  before: Baseline | undefined;
}

/** Whether an instance's answers support its proof level. A problem is a phrase that starts with a verb. */
export function checkProof(instance: Instance, facts: Facts): string[] {
  const { retired } = facts.evidence;
  const { proof, provenAt } = instance;
  switch (proof) {
    case "replayed":
      return [...replayGaps(instance, facts), ...answerGaps(instance, facts), ...proofTime(instance, facts)];
    case "restarted":
      return [...startGaps(instance, facts), ...answerGaps(instance, facts), ...proofTime(instance, facts)];
    case "nothing-retired":
      return [
        ...(retired.length === 0 ? [] : ["has proof level nothing-retired, but keys were retired"]),
        ...(provenAt === undefined ? [] : ["has proof level nothing-retired, but a time of proof"]),
      ];
    case "unproven":
      return instance.reasons.length > 0 ? [] : ["is unproven, but no reason is given"];
    default:
      return proof satisfies never;
  }
}

/** Replayed: it had accepted each retired key's canary token, and was asked about both of them after the cut-over. */
function replayGaps({ checks, startup }: Instance, { evidence, before }: Facts): string[] {
  const { retired, canaries } = evidence;
  const gaps = retired.flatMap(({ kid }) => {
    const canary = canaries.find((one) => one.kid === kid);
    const first = before?.verdicts.find((one) => one.kid === kid)?.verdict;
    const kinds = checks.filter(({ check, subject }) => check === "retired" && subject === kid);
    const isAsked = (["seen", "unseen"] as const).every((which) =>
      kinds.some((one) => one.canary === which && one.jti === canary?.[which].jti),
    );
    return [
      ...(canary ? [] : [`kid ${kid} has no canary token`]),
      ...(first?.kind === "accepted"
        ? []
        : [
            `it did not accept the canary token of kid ${kid} before the cut-over (${first?.kind ?? "not asked"})`,
          ]),
      ...(canary && !isAsked
        ? [`it was not asked about both canary tokens of kid ${kid} after the cut-over`]
        : []),
    ];
  });
  const none = retired.length === 0 ? ["no key was retired"] : [];
  const started = startup ? ["it started after the cut-over"] : [];
  return [...none, ...started, ...gaps].map((gap) => `has proof level replayed, but ${gap}`);
}

/** A start is reported to the second, rounded down. */
const startRoundingMs = 1_000;
/** It is also measured by the node's clock, which may differ from the runner's. */
const clockSkewMs = 60_000;

function startGaps({ startup }: Instance, { evidence: { retired } }: Facts): string[] {
  const exact = retired.filter(({ disabledAtIsExact }) => disabledAtIsExact);
  const isAfter = exact.every(
    ({ disabledAt }) => Date.parse(startup?.startedAt ?? "") + startRoundingMs > Date.parse(disabledAt),
  );
  return [
    ...(retired.length === 0 ? ["no key was retired"] : []),
    ...(startup?.bootstrap === "seen" ? [] : ["no bootstrap was seen in its log"]),
    ...(startup && !isAfter ? ["it started before the keys were disabled"] : []),
  ].map((gap) => `has proof level restarted, but ${gap}`);
}

/** It rejected every token of a retired key, after the key was disabled and before the token expired. */
function answerGaps({ checks, proof }: Instance, { evidence }: Facts): string[] {
  const gaps = checks
    .filter(({ check }) => check === "retired")
    .flatMap(({ subject, canary = "seen", jti, verdict, at }) => {
      const key = evidence.retired.find(({ kid }) => kid === subject);
      const token = evidence.canaries.find(({ kid }) => kid === subject)?.[canary];
      const what = `the ${canary} canary token of kid ${subject}`;
      return [
        ...(key ? [] : [`kid ${subject} is not retired`]),
        ...(verdict.kind === "rejected" ? [] : [`it answered ${verdict.kind} to ${what}`]),
        ...(token?.jti === jti ? [] : [`${what} has another jti`]),
        ...(key && !isBefore(key.disabledAt, at) ? [`it rejected ${what} before the key was disabled`] : []),
        ...(token && !isBefore(at, token.expiresAt) ? [`it rejected ${what} after that had expired`] : []),
      ];
    });
  return gaps.map((gap) => `has proof level ${proof}, but ${gap}`);
}

/** The time of proof is that of these answers, or lies in an earlier attempt. */
function proofTime({ provenAt, checks, startup }: Instance, { evidence, verification }: Facts): string[] {
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

/** Whether a time is within a span, its ends included. */
export function isWithin(
  time: string,
  { startedAt, finishedAt }: Pick<Verification, "startedAt" | "finishedAt">,
): boolean {
  return !isBefore(time, startedAt) && !isBefore(finishedAt, time);
}
