import type { Facts, Instance } from "./instance-facts.ts";
import { answerGaps, proofTime } from "./rejections.ts";

/** Whether an instance's answers support its proof level. A problem is a phrase that starts with a verb. */
export function checkProof(instance: Instance, facts: Facts): string[] {
  const { retired } = facts.evidence;
  const { proof, provenAt } = instance;
  switch (proof) {
    case "replayed":
      return [...replayGaps(instance, facts), ...answerGaps(instance, facts), ...proofTime(instance, facts)];
    case "restarted":
      return [...startGaps(instance, facts), ...answerGaps(instance, facts), ...proofTime(instance, facts)];
    case "acknowledged":
      return acknowledgedGaps(instance, facts);
    case "nothing-retired":
      return [
        ...(retired.length === 0 ? [] : ["has proof level nothing-retired, but keys were retired"]),
        ...(provenAt === undefined ? [] : ["has proof level nothing-retired, but a time of proof"]),
      ];
    case "unproven":
      // That it is not verified, and why, is checked of every instance.
      return [];
    // Stryker disable next-line ConditionalExpression: it can't be reached.
    default:
      return proof satisfies never;
  }
}

/** Acknowledged: a key was closed by name, and all the others are proven as ever. */
function acknowledgedGaps(instance: Instance, facts: Facts): string[] {
  const { evidence, verification } = facts;
  const kids = (verification.acknowledged ?? []).map(({ kid }) => kid);
  const retired = evidence.retired.filter(({ kid }) => !kids.includes(kid));
  const others = { ...facts, evidence: { ...evidence, retired } };
  const gaps = instance.startup ? startGaps(instance, others) : replayGaps(instance, others);
  return [
    ...(kids.length > 0 ? [] : ["has proof level acknowledged, but no key was acknowledged"]),
    ...(instance.provenAt === undefined ? [] : ["has proof level acknowledged, but a time of proof"]),
    ...(retired.length === 0 ? [] : [...gaps, ...answerGaps(instance, others)]),
  ];
}

/** Replayed: it had accepted each retired key's canary token, and was asked about both of them after the cut-over. */
function replayGaps({ checks, startup }: Instance, { evidence, before }: Facts): string[] {
  const { retired, canaries } = evidence;
  const gaps = retired.flatMap(({ kid }) => {
    const canary = canaries.find((one) => one.kid === kid);
    const known = before?.verdicts.find((one) => one.kid === kid);
    const first = known?.verdict;
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
      ...(evidence.schemaVersion === 1 || known?.forged?.verdict.kind === "rejected"
        ? []
        : [
            `it was not seen to reject a forged token of kid ${kid} before the cut-over (${known?.forged?.verdict.kind ?? "not asked"})`,
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
