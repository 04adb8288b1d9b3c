import { isBefore } from "./check-evidence-times.ts";
import type { Evidence } from "./evidence-schema.ts";

type Verification = NonNullable<Evidence["verification"]>;
type Instance = Verification["instances"][number];
type Check = Instance["checks"][number];
type DenyListProof = NonNullable<Verification["denyList"]>[number];
type Baseline = Evidence["baseline"][number];

/** Whether each instance's proof level and verdict follow from its answers. A problem has no full stop. */
export function checkInstances(evidence: Evidence): string[] {
  const { verification, baseline } = evidence;
  if (!verification) return [];
  const before = new Map(baseline.map((one) => [idOf(one), one]));
  const seen = new Set<string>();
  return verification.instances.flatMap((instance) => {
    const isTwice = seen.has(idOf(instance));
    seen.add(idOf(instance));
    const facts = { evidence, verification, before: before.get(idOf(instance)) };
    const problems = [
      ...(isTwice ? ["is listed twice"] : []),
      ...checkAnswers(instance),
      ...checkVerified(instance, facts),
      ...checkProof(instance, facts),
    ];
    return problems.map((problem) => `${instance.instance} ${problem}`);
  });
}

interface Facts {
  evidence: Evidence;
  verification: Verification;
  /** What the instance said before the cut-over. */
  before: Baseline | undefined;
}

function idOf({ uid, instance }: Pick<Instance, "uid" | "instance">): string {
  return uid ?? instance;
}

/** Each answer by itself: what was expected follows from the question, and whether it is good from the answer. */
function checkAnswers({ checks }: Instance): string[] {
  return checks.flatMap(({ check, subject, expected, verdict, ok }) => {
    const right = check === "retired" || check === "forged" ? "rejected" : "accepted";
    const what = `the ${check} token (${subject})`;
    return [
      ...(expected === right ? [] : [`is expected to have ${what} ${expected}, which must be ${right}`]),
      ...(ok === (verdict.kind === right)
        ? []
        : [`has ${what} ${verdict.kind}, and that is called ${ok ? "good" : "bad"}`]),
    ];
  });
}

function checkVerified(instance: Instance, { evidence, verification }: Facts): string[] {
  const { verified, reasons, checks, proof } = instance;
  if (!verified) return reasons.length > 0 ? [] : ["is not verified, and no reason is given"];
  const passive = evidence.canaries.filter(({ kid }) => evidence.passive.some((key) => key.kid === kid));
  const isAsked = (check: Check["check"], kid: string, jti: string) =>
    checks.some((one) => one.check === check && one.subject === kid && one.jti === jti);
  const missing = [
    ...verification.fresh
      .filter(({ kid, jti }) => !isAsked("fresh", kid, jti))
      .map(({ kid }) => `the fresh token of kid ${kid}`),
    ...passive
      .filter(({ kid, seen }) => !isAsked("passive", kid, seen.jti))
      .map(({ kid }) => `the token of passive kid ${kid}`),
    ...(checks.some(({ check }) => check === "forged") ? [] : ["a forged token"]),
  ];
  return [
    ...(reasons.length === 0 ? [] : ["is verified, and has reasons why not"]),
    ...(proof === "unproven" ? ["is verified, and unproven"] : []),
    ...(checks.every(({ ok }) => ok) ? [] : ["is verified, and gave a wrong answer"]),
    ...missing.map((what) => `is verified, and was not asked about ${what}`),
    ...(checks.every(({ at }) => isWithin(at, verification))
      ? []
      : ["is verified, and was asked before or after the verification"]),
  ];
}

function checkProof(instance: Instance, facts: Facts): string[] {
  const { retired } = facts.evidence;
  const { proof, provenAt } = instance;
  switch (proof) {
    case "replayed":
      return [...replayGaps(instance, facts), ...answerGaps(instance, facts), ...proofTime(instance, facts)];
    case "restarted":
      return [...startGaps(instance, facts), ...answerGaps(instance, facts), ...proofTime(instance, facts)];
    case "nothing-retired":
      return [
        ...(retired.length === 0 ? [] : ["has proof level nothing-retired, and keys were retired"]),
        ...(provenAt === undefined ? [] : ["has proof level nothing-retired, and a time of its proof"]),
      ];
    case "unproven":
      return instance.reasons.length > 0 ? [] : ["is unproven, and no reason is given"];
    default:
      return proof satisfies never;
  }
}

/** Replayed: it had accepted each retired key's canary, and was asked about both of them afterwards. */
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
      ...(canary ? [] : [`kid ${kid} has no canary`]),
      ...(first?.kind === "accepted"
        ? []
        : [`it did not accept kid ${kid} before (${first?.kind ?? "not asked"})`]),
      ...(canary && !isAsked ? [`it was not asked about both canaries of kid ${kid} after`] : []),
    ];
  });
  const none = retired.length === 0 ? ["no key was retired"] : [];
  const started = startup ? ["it started after the cut-over"] : [];
  return [...none, ...started, ...gaps].map((gap) => `has proof level replayed, but ${gap}`);
}

/** A start is reported to the second, rounded down. */
const startRoundingMs = 1_000;

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

/** Whatever it was asked about a retired key, it refused, at a time at which the refusal says something. */
function answerGaps({ checks, proof }: Instance, { evidence }: Facts): string[] {
  const gaps = checks
    .filter(({ check }) => check === "retired")
    .flatMap(({ subject, canary = "seen", jti, verdict, at }) => {
      const key = evidence.retired.find(({ kid }) => kid === subject);
      const token = evidence.canaries.find(({ kid }) => kid === subject)?.[canary];
      const what = `the ${canary} canary of kid ${subject}`;
      return [
        ...(key ? [] : [`kid ${subject} is not retired`]),
        ...(verdict.kind === "rejected" ? [] : [`it has ${what} ${verdict.kind}`]),
        ...(token?.jti === jti ? [] : [`${what} is another one`]),
        ...(key && !isBefore(key.disabledAt, at) ? [`it refused ${what} before the key was disabled`] : []),
        ...(token && !isBefore(at, token.expiresAt) ? [`it refused ${what} when that had expired`] : []),
      ];
    });
  return gaps.map((gap) => `has proof level ${proof}, but ${gap}`);
}

/** The time of the first proof: of these answers, or of an earlier attempt's. */
function proofTime({ provenAt, checks, startup }: Instance, { evidence, verification }: Facts): string[] {
  if (provenAt === undefined) return ["is proven, and it is not said when"];
  const answers = checks.filter(({ check }) => check === "retired").map(({ at }) => at);
  const last = answers.toSorted().at(-1);
  const isInAttempt = evidence.attempts.slice(0, -1).some((attempt) => isWithin(provenAt, attempt));
  const isNow = last === undefined ? isWithin(provenAt, verification) : provenAt === last;
  return [
    ...(isNow || isInAttempt ? [] : [`is said to be proven at ${provenAt}, when it was not asked`]),
    ...evidence.retired
      .filter(({ disabledAt }) => !isBefore(disabledAt, provenAt))
      .map(({ kid }) => `is said to be proven at ${provenAt}, before kid ${kid} was disabled`),
    ...(startup && isBefore(provenAt, startup.startedAt) ? ["is said to be proven before it started"] : []),
  ];
}

function isWithin(
  time: string,
  { startedAt, finishedAt }: Pick<Verification, "startedAt" | "finishedAt">,
): boolean {
  return !isBefore(time, startedAt) && !isBefore(finishedAt, time);
}

/** Whether each deny-list's proof follows from its steps. A problem has no full stop. */
export function checkDenyLists({ verification }: Evidence): string[] {
  return (verification?.denyList ?? []).flatMap((proof) =>
    denyListProblems(proof).map((problem) => `the deny-list of ${proof.instance} ${problem}`),
  );
}

function denyListProblems({ accepted, denied, refused, cleaned, ok, reasons }: DenyListProof): string[] {
  if (!ok) return reasons.length > 0 ? [] : ["is not proven, and no reason is given"];
  return [
    ...(accepted.kind === "accepted"
      ? []
      : [`is called proven, but the administrator was ${accepted.kind} before`]),
    ...(denied.outcome === "done" ? [] : ["is called proven, but did not take the session"]),
    ...(refused.kind === "rejected"
      ? []
      : [`is called proven, but the administrator was ${refused.kind} while on it`]),
    ...(cleaned.outcome === "done" ? [] : ["is called proven, but the session was not taken off again"]),
    ...(reasons.length === 0 ? [] : ["is called proven, and has reasons why not"]),
  ];
}
