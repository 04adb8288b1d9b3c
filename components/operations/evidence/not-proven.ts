import { listNames } from "../base/list-names.ts";
import { many } from "../base/many.ts";
import type { Mode } from "../base/run-context.ts";
import { describeKilled, killsOf } from "../keys/kill-marks.ts";
import { rotationOf } from "../keys/realm-keys.ts";
import type { Acknowledgement } from "../proof/acknowledgement.ts";
import { describeRelapses, isRelapsed, type WatchResult, watchedSeconds } from "../proof/relapse.ts";
import type { CutoverFindings, Findings } from "./findings.ts";

export interface NotProven {
  /** What should have been proven or done, and was not. */
  failed: string[];
  /** What limits this kind of proof, also where everything went well. */
  limits: string[];
}

/**
 * Everything that the run does not prove, each a sentence. Pure.
 *
 * @param mode only an emergency is watched after its proof
 */
export function notProven(findings: Findings, mode: Mode): NotProven {
  return {
    failed: [
      ...nothingVerified(findings),
      ...(findings.proof?.verification.failures ?? []).map((failure) => `${failure}.`),
      ...(findings.watch ? describeRelapses(findings.watch) : []).map((relapse) => `${relapse}.`),
      ...acknowledged(findings),
      ...failedActions(findings),
    ],
    limits: [
      ...skippedBaseline(findings),
      ...stillTrusted(findings.cutover),
      ...unreportedKeys(findings),
      ...restartedOnly(findings),
      ...shownEarlier(findings),
      "Instances outside the configured targets were not asked, and neither were pods that were shutting down.",
      ...watched(findings, mode),
      ...refreshTokensValid(findings),
      "It is not known what tokens of the old keys were used for before the last instance rejected them.",
    ],
  };
}

function nothingVerified({ phases, proof }: Findings): string[] {
  if (proof) return [];
  const failed = phases.find(({ outcome }) => outcome === "failed");
  return [`Nothing was verified: the run ended in phase ${failed?.phase ?? "unknown"}.`];
}

/** Whoever reads the evidence must see what was not shown, and who has said that it need not be. */
export function describeAcknowledged({ kid, reason, by, commit }: Acknowledgement): string {
  const where = commit === undefined ? "" : `, commit ${commit}`;
  return `It was not shown that kid ${kid} is refused: closed by acknowledgement (${by}${where}): ${reason}.`;
}

function acknowledged({ proof }: Findings): string[] {
  return (proof?.verification.acknowledged ?? []).map(describeAcknowledged);
}

function failedActions({ emergency = {} }: Findings): string[] {
  const { freeze, sessions } = emergency;
  const tooMany =
    "There were too many sessions to put all of them on the deny-lists: access tokens that the others got after the cut-over were accepted until they expired.";
  return [
    ...(freeze?.failures ?? []).map((failure) => `Not frozen: ${failure}.`),
    ...(sessions?.truncated ? [tooMany] : []),
  ];
}

function skippedBaseline({ prepared }: Findings): string[] {
  if (!prepared?.canary.baselineSkipped) return [];
  return ["No instance answered before the cut-over, so nothing can be proven by replaying canary tokens."];
}

function stillTrusted(cutover: CutoverFindings | undefined): string[] {
  if (!cutover || cutover.retired.length > 0) return [];
  const { passive, retireAfter } = cutover;
  if (passive.length === 0)
    return ["No key was retired, so there was no retired key to reject.", ...provenElsewhere(cutover)];
  const kids = passive.map(({ kid }) => kid).join(", ");
  const [sign, are] = passive.length > 1 ? ["sign", "are"] : ["signs", "is"];
  return [
    `No key is retired yet: ${kids} no longer ${sign}, and ${are} trusted until the first up after ${retireAfter ?? "the overlap"}.`,
  ];
}

/** An `up` that follows `npm run kill` finds the work done, and the proof in another bundle. */
function provenElsewhere({ keysAfter, signers }: CutoverFindings): string[] {
  const own = keysAfter.find(({ kid }) => signers.some((signer) => signer.kid === kid));
  const killed = killsOf(keysAfter, rotationOf(own?.componentName ?? "") ?? 0);
  return killed.map((key) => `${describeKilled(key)}.`);
}

function unreportedKeys({ prepared }: Findings): string[] {
  const count = prepared?.announced?.unproven.length ?? 0;
  if (count === 0) return [];
  return [
    `${many(count, "instance")} refreshed without reporting the loaded keys: it is not proven that the new keys were known there before they signed.`,
  ];
}

/** The weaker proof is called weaker. */
function restartedOnly({ proof }: Findings): string[] {
  const count = proof?.verification.instances.filter(({ proof }) => proof === "restarted").length ?? 0;
  if (count === 0) return [];
  return [
    `${many(count, "instance")} ${count === 1 ? "was" : "were"} not asked before the cut-over: the start after it is known from the cluster, and that the new keys were loaded only from the instance's own log (proof level restarted, weaker than replayed).`,
  ];
}

/** What was shown earlier can't be shown again once the canary tokens have expired. */
function shownEarlier({ proof, cutover }: Findings): string[] {
  const isDue = (kid: string) => cutover?.retired.some((key) => key.kid === kid) === true;
  const count = (proof?.verification.instances ?? []).filter(({ proofs = [] }) =>
    proofs.some((one) => "kept" in one && one.kept && isDue(one.kid)),
  ).length;
  if (count === 0) return [];
  return [
    `${many(count, "instance")} ${count === 1 ? "was" : "were"} shown by an earlier verification to refuse a retired key, and could not be asked again: its canary tokens have expired since. The answers are in the bundle of that verification.`,
  ];
}

/** A proof is a moment: a cache that is stale somewhere brings a key back later. */
function watched({ watch, proof, cutover }: Findings, mode: Mode): string[] {
  const later = "A stale cache that brings a retired key back later than that is not seen.";
  if (watch) return [...watchLimits(watch, later), ...unanswered(watch)];
  const isProven = proof?.verification.verified === true && (cutover?.retired.length ?? 0) > 0;
  if (mode !== "emergency" || !isProven) return [];
  return [`Nobody was asked again after the proof (probe.watchSeconds is 0). ${later}`];
}

function watchLimits(watch: WatchResult, later: string): string[] {
  // That is a failure, and listed as such.
  if (isRelapsed(watch)) return [];
  const time = `${watchedSeconds(watch)} s`;
  return watch.cutShort
    ? [
        `The watch after the proof was cut short after ${watchedSeconds(watch)} of ${watch.seconds} s. ${later}`,
      ]
    : [`Instances and JWKS URLs were watched for ${time} after the proof. ${later}`];
}

function unanswered({ unanswered: silent }: WatchResult): string[] {
  if (silent.length === 0) return [];
  const who = listNames(silent.map(({ from, count }) => `${from} (${many(count, "time")})`));
  return [`Not every question of the watch after the proof was answered: ${who}.`];
}

function refreshTokensValid({ emergency = {} }: Findings): string[] {
  const { sessions, internalKeys } = emergency;
  const areSessionsOver =
    sessions?.failures.length === 0 && sessions.ended.some(({ because }) => because === "all");
  const isHmacKeyNew = internalKeys?.keys.some(({ kind }) => kind === "hmac") === true;
  if (areSessionsOver || isHmacKeyNew) return [];
  return [
    "OAuth refresh tokens are signed with the realm's internal HS512 key: stolen sessions survive a rotation of signing keys until they are revoked.",
  ];
}
