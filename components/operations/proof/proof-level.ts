import type { Startup } from "../fleet/read-startup.ts";
import { baselineGap, canProve } from "./baseline-verdict.ts";
import type { Baseline } from "./canary-findings.ts";
import type { Check } from "./check.ts";
import type { Questions } from "./questions.ts";

/**
 * `replayed`: the instance accepted each canary token before the cut-over and rejects it, unexpired, after.
 * `restarted`: it was not asked before, but it started after the cut-over and its log shows a bootstrap from the new
 * set. Weaker: it takes the instance's word and its start-up time.
 * `acknowledged`: a dead key was closed by name in the config, and nothing was shown of it; the others are proven.
 * `nothing-retired`: the rotation retired no key, so there is nothing to prove.
 * `unproven`: anything else.
 */
type ProofLevel = "replayed" | "restarted" | "acknowledged" | "nothing-retired" | "unproven";

export interface Judgement {
  proof: ProofLevel;
  /** Proven, fresh tokens accepted, forged ones rejected. */
  verified: boolean;
  /** When it was first seen to reject every canary token, and has at every look since; ISO 8601 UTC. */
  provenAt?: string;
}

/** What is known of an instance beyond its answers. */
interface Circumstances {
  /** Why its rejections prove nothing, each a phrase. */
  gaps: readonly string[];
  /** When an earlier verification of the same rotation found it proven, ISO 8601 UTC. */
  provenBefore: string | undefined;
  /** Where it started after the retired keys were disabled. */
  startup: Startup | undefined;
  /** Whether a dead key was closed by name: then nothing is called proven by replay or restart. */
  isAcknowledged: boolean;
}

/** Pure. */
export function judge(checks: readonly Check[], circumstances: Circumstances): Judgement {
  const judged = judgeKeys(checks, circumstances);
  if (!circumstances.isAcknowledged || judged.proof === "unproven") return judged;
  return { proof: "acknowledged", verified: judged.verified };
}

function judgeKeys(checks: readonly Check[], { gaps, provenBefore, startup }: Circumstances): Judgement {
  const retired = checks.filter(({ check }) => check === "retired");
  const verified = gaps.length === 0 && checks.every(({ ok }) => ok);
  if (!startup && retired.length + gaps.length === 0) return { proof: "nothing-retired", verified };
  if (gaps.length > 0 || !retired.every(({ ok }) => ok)) return { proof: "unproven", verified: false };
  // The proof of a process that has ended since says nothing about this one.
  const isSame = startup === undefined || (provenBefore ?? "") >= startup.startedAt;
  const provenAt = (isSame ? provenBefore : undefined) ?? lastLook(retired);
  return { proof: startup ? "restarted" : "replayed", verified, provenAt };
}

function lastLook(retired: readonly Check[]): string {
  const last = retired
    .map(({ at }) => at)
    .toSorted()
    .at(-1);
  return last ?? new Date().toISOString();
}

type Asked = Pick<Questions, "canaries" | "withoutCanary">;

/** Retired kids whose rejection by the instance would prove nothing, or that have no canary token. Pure. */
export function neverAccepted({ canaries, withoutCanary }: Asked, baseline: Baseline | undefined): string[] {
  const isProvable = (kid: string) => canProve(verdictOn(kid, baseline));
  return [...canaries.map(({ kid }) => kid).filter((kid) => !isProvable(kid)), ...withoutCanary];
}

/** Why the instance's rejections prove nothing, a phrase for each retired key. Pure. */
export function baselineGaps({ canaries }: Asked, baseline: Baseline | undefined): string[] {
  return canaries.flatMap(({ kid }) => baselineGap(kid, verdictOn(kid, baseline)) ?? []);
}

function verdictOn(kid: string, baseline: Baseline | undefined) {
  return baseline?.verdicts.find((known) => known.kid === kid);
}
