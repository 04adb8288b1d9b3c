import type { Evidence } from "../evidence-schema.ts";
import type { Facts, Instance } from "./instance-facts.ts";
import { answerGaps, checksAbout, proofTime } from "./rejections.ts";
import { beginningOf, isBefore } from "./times.ts";

type Proof = NonNullable<Instance["proofs"]>[number];
type RetiredKey = Evidence["retired"][number];

/** Whether an instance's answers support its proof level. A problem is a phrase that starts with a verb. */
export function checkProof(instance: Instance, facts: Facts): string[] {
  const proofs = instance.proofs ?? olderProofs(instance, facts);
  return [
    ...checkLevel(instance, proofs, facts),
    ...missingProofs(instance, proofs, facts),
    ...strayAnswers(instance, facts),
    ...proofs.flatMap((proof) => checkCell(proof, instance, facts)),
  ];
}

/** Older versions prove all keys in the same way. */
function olderProofs({ proof, provenAt, startup }: Instance, { evidence, verification }: Facts): Proof[] {
  if (proof === "nothing-retired") return [];
  const closed = (verification.acknowledged ?? []).map(({ kid }) => kid);
  const others = startup ? ("restarted" as const) : ("replayed" as const);
  return evidence.retired.map(({ kid }): Proof => {
    if (proof !== "acknowledged") return { kid, proof, ...(provenAt ? { provenAt } : {}) };
    return { kid, proof: closed.includes(kid) ? "acknowledged" : others };
  });
}

const fromTheWeakest = ["unproven", "acknowledged", "restarted", "replayed"] as const;

/** The level is that of the weakest proof, and its time that of the last. */
function checkLevel(
  { proof, provenAt, proofs: given }: Instance,
  proofs: readonly Proof[],
  { verification, evidence }: Facts,
): string[] {
  const level = fromTheWeakest.find((one) => proofs.some((cell) => cell.proof === one)) ?? "nothing-retired";
  const last = proofs
    .flatMap((one) => one.provenAt ?? [])
    .toSorted()
    .at(-1);
  const isTimed = proof === "replayed" || proof === "restarted";
  const isByName = (verification.acknowledged ?? []).length > 0;
  return [
    // Where nobody could be asked, what was shown before is not repeated.
    ...(given === undefined || level === proof || proof === "unproven"
      ? []
      : [`has proof level ${proof}, but what is shown of it makes that ${level}`]),
    ...(given !== undefined && isTimed && provenAt !== last
      ? [
          `is listed as proven at ${provenAt ?? "no time"}, but the last of its proofs is of ${last ?? "no time"}`,
        ]
      : []),
    ...(isTimed && evidence.retired.length === 0 && given === undefined
      ? [`has proof level ${proof}, but no key was retired`]
      : []),
    ...(proof === "acknowledged" && !isByName
      ? ["has proof level acknowledged, but no key was acknowledged"]
      : []),
    ...(proof === "nothing-retired" && evidence.retired.length > 0
      ? ["has proof level nothing-retired, but keys were retired"]
      : []),
    ...(!isTimed && proof !== "unproven" && provenAt !== undefined
      ? [`has proof level ${proof}, but a time of proof`]
      : []),
  ];
}

/** There is one proof for each dead key. */
function missingProofs({ proofs: given }: Instance, proofs: readonly Proof[], { evidence }: Facts): string[] {
  if (given === undefined) return [];
  const kids = proofs.map(({ kid }) => kid);
  return [
    ...evidence.retired
      .filter(({ kid }) => !kids.includes(kid))
      .map(({ kid }) => `is listed without a word on kid ${kid}, which is retired`),
    ...kids
      .filter((kid, index) => kids.indexOf(kid) !== index)
      .map((kid) => `has two proofs about kid ${kid}`),
  ];
}

/** It was asked about a key that was not retired. */
function strayAnswers({ checks, proof }: Instance, { evidence }: Facts): string[] {
  if (proof === "unproven") return [];
  return checks
    .filter(
      ({ check, subject }) => check === "retired" && !evidence.retired.some(({ kid }) => kid === subject),
    )
    .map(({ subject }) => `has proof level ${proof}, but kid ${subject} is not retired`);
}

function checkCell(proof: Proof, instance: Instance, facts: Facts): string[] {
  const { kid } = proof;
  const key = facts.evidence.retired.find((one) => one.kid === kid);
  switch (proof.proof) {
    case "replayed":
    case "restarted":
      return [
        ...provenGaps(key, proof, instance, facts).map((gap) => `has proof level ${proof.proof}, but ${gap}`),
        ...timeGaps(key, proof, instance, facts),
      ];
    case "acknowledged":
      return (facts.verification.acknowledged ?? []).some((one) => one.kid === kid)
        ? []
        : [`has proof level acknowledged, but kid ${kid} was not acknowledged`];
    case "closed":
      return key ? [`owes a proof about kid ${kid}, and none is given`] : [];
    case "unproven":
      // That it is not verified, and why, is checked of every instance.
      return [];
    // Stryker disable next-line ConditionalExpression: it can't be reached.
    default:
      return proof.proof satisfies never;
  }
}

function provenGaps(key: RetiredKey | undefined, proof: Proof, instance: Instance, facts: Facts): string[] {
  if (!key) return earlierGaps(proof, instance, facts);
  if (proof.kept) return keptGaps(key, proof, instance, facts);
  return [
    ...(proof.proof === "replayed" ? replayGaps(key, instance, facts) : startGaps(key, instance)),
    ...answerGaps(key, instance, facts),
  ];
}

/**
 * A key that an earlier rotation has closed is only asked about to see that it is still refused. The start of a pod, which was
 * read for the sake of another key, may prove more.
 */
function earlierGaps({ kid, proof, kept }: Proof, instance: Instance, { verification }: Facts): string[] {
  if (kept) return [];
  const closed = verification.ledger?.find((one) => one.kid === kid && one.closedFor !== undefined);
  return closed && proof === "restarted" ? startGaps(closed, instance) : [`kid ${kid} is not retired`];
}

/** Version 1 and early ones of version 2 give no time where a key was closed by name. */
function timeGaps(
  key: RetiredKey | undefined,
  { provenAt, kept }: Proof,
  instance: Instance,
  facts: Facts,
): string[] {
  const isOlder = instance.proofs === undefined && instance.proof === "acknowledged";
  return key && !kept && !isOlder ? proofTime(key, provenAt, instance, facts) : [];
}

/** Shown by an earlier verification, and not contradicted by this one. */
function keptGaps(
  { kid, deadSince = "" }: RetiredKey,
  { provenAt = "" }: Proof,
  instance: Instance,
  facts: Facts,
): string[] {
  const wrong = checksAbout(kid, instance).filter(({ verdict }) => verdict.kind !== "rejected");
  return [
    ...(isBefore(provenAt, facts.verification.startedAt)
      ? []
      : ["it is said to be shown by an earlier verification, at a time that is not earlier"]),
    ...(isBefore(deadSince, provenAt) ? [] : ["the key was not dead at the time"]),
    ...wrong.map(({ verdict }) => `it answered ${verdict.kind} to a token of it`),
  ];
}

/** Replayed: it had accepted the key's canary token, and was asked about both of them after the cut-over. */
function replayGaps(key: RetiredKey, instance: Instance, { evidence, before }: Facts): string[] {
  const { kid } = key;
  const isEarlier = isShownSince(key, instance, { evidence, before });
  const canary = evidence.canaries.find((one) => one.kid === kid);
  const known = before?.verdicts.find((one) => one.kid === kid);
  const first = known?.verdict;
  const kinds = checksAbout(kid, instance);
  const isAsked = (["seen", "unseen"] as const).every((which) =>
    kinds.some((one) => one.canary === which && one.jti === canary?.[which].jti),
  );
  const isStarted = instance.proofs === undefined && instance.startup !== undefined;
  return [
    ...(isStarted ? ["it started after the cut-over"] : []),
    ...(canary ? [] : [`kid ${kid} has no canary token`]),
    ...(first?.kind === "accepted" || isEarlier
      ? []
      : [
          `it did not accept the canary token of kid ${kid} before the cut-over (${first?.kind ?? "not asked"})`,
        ]),
    ...(evidence.schemaVersion === 1 || known?.forged?.verdict.kind === "rejected" || isEarlier
      ? []
      : [
          `it was not seen to reject a forged token of kid ${kid} before the cut-over (${known?.forged?.verdict.kind ?? "not asked"})`,
        ]),
    ...(canary && !isAsked
      ? [`it was not asked about both canary tokens of kid ${kid} after the cut-over`]
      : []),
  ];
}

/** A key that was dead before the run began: another key has shown that the instance's probe says yes and no. */
function isShownSince(
  { kid, deadSince }: RetiredKey,
  { proofs }: Instance,
  { evidence, before }: Pick<Facts, "evidence" | "before">,
): boolean {
  const isSound = (one: NonNullable<Facts["before"]>["verdicts"][number]) =>
    one.kid !== kid && one.verdict.kind === "accepted" && one.forged?.verdict.kind === "rejected";
  const wasDead =
    proofs !== undefined && deadSince !== undefined && isBefore(deadSince, beginningOf(evidence));
  return wasDead && before?.verdicts.some(isSound) === true;
}

/** A start is reported to the second, rounded down. */
const startRoundingMs = 1_000;

function startGaps(
  { disabledAt, disabledAtIsExact, deadSince }: Omit<RetiredKey, "how">,
  { startup }: Instance,
): string[] {
  const dead = deadSince ?? (disabledAtIsExact ? disabledAt : undefined);
  const isAfter =
    dead === undefined || Date.parse(startup?.startedAt ?? "") + startRoundingMs > Date.parse(dead);
  return [
    ...(startup?.bootstrap === "seen" ? [] : ["no bootstrap was seen in its log"]),
    ...(startup && !isAfter ? ["it started before the keys were disabled"] : []),
  ];
}
