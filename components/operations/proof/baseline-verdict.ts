import { describeVerdict } from "./probe.ts";
import { type SpreadVerdict, whereDivided } from "./spread.ts";

/** What an instance said about one key while that was still trusted. */
export interface BaselineVerdict extends SpreadVerdict {
  kid: string;
  /**
   * Its verdict on a token with the same kid and claims and another key's signature: whether its probe can say no. A made-up
   * kid would use up the cool-down of its library. Absent where it was not asked.
   */
  forged?: SpreadVerdict | undefined;
}

/** Whether a later rejection by the instance proves something: it accepts what is genuine, and refuses what is forged. Pure. */
export function canProve(known: Omit<BaselineVerdict, "kid"> | undefined): boolean {
  return known?.verdict.kind === "accepted" && known.forged?.verdict.kind === "rejected";
}

/** Whether it took a token that nobody's key has signed, so that no answer of it says anything. Pure. */
export function takesForgeries(known: Omit<BaselineVerdict, "kid"> | undefined): boolean {
  return known?.forged?.verdict.kind === "accepted";
}

/** Why a later rejection proves nothing, as a phrase that starts with a verb. Undefined where it proves something. Pure. */
export function baselineGap(kid: string, known: BaselineVerdict | undefined): string | undefined {
  if (canProve(known)) return undefined;
  if (known?.verdict.kind !== "accepted") {
    const what = known ? describe(known) : "was not asked";
    return `did not accept the canary token of kid ${kid} before the cut-over (${what}), so its rejection now proves nothing`;
  }
  if (takesForgeries(known))
    return `accepted a forged token with kid ${kid} before the cut-over: ${whyForged}`;
  const what = known.forged ? describe(known.forged) : "was not asked";
  return `was not seen to reject a forged token with kid ${kid} before the cut-over (${what}), so its rejection now proves nothing`;
}

/** What a probe that accepts everything is. */
export const whyForged =
  "its probe can't say no, so its answers prove nothing (does probe.path check the token in this very process, and answer with a status that is in probe.rejectedStatuses?)";

function describe(asked: SpreadVerdict): string {
  const where = whereDivided(asked);
  return `${describeVerdict(asked.verdict)}${where && `, ${where}`}`;
}
