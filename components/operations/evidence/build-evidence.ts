import type { RunContext } from "../base/run-context.ts";
import type { AnnounceResult } from "../enforce/announce.ts";
import type { CutoverResult } from "../keys/cut-over.ts";
import { provableBy } from "../proof/provable.ts";
import type { VerificationResult } from "../proof/verify.ts";
import type { Evidence } from "./evidence-schema.ts";
import type { CutoverFindings, Findings } from "./findings.ts";

/** Puts the findings together as evidence. Pure. */
export function buildEvidence(run: RunContext, findings: Findings, writtenAt: string): Evidence {
  const { phases, canary, published = [], cutover, verification, attempts = [] } = findings;
  const proving = canary ? provableBy(canary, cutover?.retired ?? []) : { canaries: [], baseline: [] };
  const { refresh = [], restarts = [] } = findings;
  // What counts is the proof: a refresh that failed and was made good by the verification is no failure of the run.
  const verified = verification?.verified === true;
  const failed = verified ? undefined : phases.find(({ outcome }) => outcome === "failed");
  const window = exposureWindow(cutover, verification);
  return {
    schemaVersion: 1,
    outcome: verified ? "verified" : "failed",
    ...(failed ? { failedPhase: failed.phase, error: failed.error ?? failed.summary } : {}),
    writtenAt,
    incident: run.incident,
    rotation: run.rotation,
    mode: run.mode,
    stage: run.stage,
    reason: run.reason,
    realm: run.realm,
    stack: run.stack,
    phases: phases.toSorted((a, b) => a.startedAt.localeCompare(b.startedAt)),
    keysBefore: canary?.keysBefore ?? [],
    keysAfter: cutover?.keysAfter ?? [],
    published,
    signers: cutover?.signers ?? [],
    passive: cutover?.passive ?? [],
    ...(cutover?.retireAfter ? { retireAfter: cutover.retireAfter } : {}),
    retired: cutover?.retired ?? [],
    deleted: cutover?.deleted ?? [],
    jwksReadBack: cutover?.jwksReadBack ?? [],
    canaries: proving.canaries,
    baseline: [...proving.baseline, ...(cutover?.newcomers ?? [])],
    ...(findings.announced ? { announced: announcement(findings.announced) } : {}),
    ...beside(findings),
    refresh,
    restarts,
    ...(verification ? { verification } : {}),
    attempts,
    ...(window ? { exposureWindow: window } : {}),
    notProven: notProven(findings),
  };
}

function beside({ freeze, sessions, internalKeys }: Findings) {
  return {
    ...(freeze ? { freeze } : {}),
    ...(sessions ? { sessions } : {}),
    ...(internalKeys ? { internalKeys } : {}),
  };
}

/** Who knew the new keys before they signed. */
function announcement({ results, restarts, known, unproven }: AnnounceResult): Evidence["announced"] {
  return { known, unproven, refresh: results, restarts };
}

/** From the first retired key's disabling to the last instance's proof; undefined while any instance is unproven. */
export function exposureWindow(
  cutover: Pick<CutoverResult, "retired"> | undefined,
  verification: Pick<VerificationResult, "instances" | "unseen"> | undefined,
): Evidence["exposureWindow"] {
  const first = cutover?.retired.toSorted((a, b) => (a.disabledAt < b.disabledAt ? -1 : 1))[0];
  if (verification?.unseen.length !== 0) return undefined;
  const proofs = verification.instances.map(({ proof, provenAt }) =>
    proof === "replayed" || proof === "restarted" ? provenAt : undefined,
  );
  const last = proofs.includes(undefined) ? undefined : proofs.toSorted().at(-1);
  if (!first || !last) return undefined;
  const ms = Math.max(0, Date.parse(last) - Date.parse(first.disabledAt));
  return {
    from: first.disabledAt,
    to: last,
    ms,
    exact: cutover?.retired.every((key) => key.disabledAtIsExact) === true,
  };
}

function notProven(findings: Findings): string[] {
  const { phases, canary, announced, cutover, verification } = findings;
  const failed = phases.find(({ outcome }) => outcome === "failed");
  return [
    ...(verification ? [] : [`Nothing was verified: the run ended in phase ${failed?.phase ?? "unknown"}.`]),
    ...(canary?.baselineSkipped
      ? ["No instance answered before the cut-over, so nothing can be proven by replay."]
      : []),
    ...stillTrusted(cutover),
    ...(announced && announced.unproven.length > 0
      ? [
          `${announced.unproven.length} instances do not say which keys they have fetched: that they knew the new ones before these signed is not proven.`,
        ]
      : []),
    ...(verification?.failures ?? []).map((failure) => `${failure}.`),
    ...restartedOnly(verification),
    ...besideUnproven(findings),
    "Instances outside the configured targets were not asked, nor were pods that were ending.",
    ...(isHmacHoleClosed(findings)
      ? []
      : [
          "Refresh tokens are signed with the realm's internal HS512 key: stolen sessions survive a rotation of signing keys until they are revoked.",
        ]),
    "What was done with tokens of the stolen key before the last instance refused them is not known.",
  ];
}

/** Whether no refresh token of before is accepted any more. */
function isHmacHoleClosed({ sessions, internalKeys }: Findings): boolean {
  const areAllOver =
    sessions?.failures.length === 0 && sessions.ended.some(({ because }) => because === "all");
  return areAllOver || internalKeys?.keys.some(({ kind }) => kind === "hmac") === true;
}

function besideUnproven({ freeze, sessions }: Findings): string[] {
  return [
    ...(freeze?.failures ?? []).map((failure) => `Not frozen: ${failure}.`),
    ...(sessions?.truncated
      ? [
          "There were too many sessions to put all of them on the deny-lists: access tokens that they got after the cut-over were accepted until they expired.",
        ]
      : []),
  ];
}

function stillTrusted(cutover: CutoverFindings | undefined): string[] {
  if (!cutover || cutover.retired.length > 0) return [];
  if (cutover.passive.length === 0) return ["No key was retired, so there was no retired key to refuse."];
  const kids = cutover.passive.map(({ kid }) => kid).join(", ");
  return [
    `Nothing was retired yet: ${kids} no longer sign${cutover.passive.length > 1 ? "" : "s"} and ${cutover.passive.length > 1 ? "are" : "is"} trusted until the first up after ${cutover.retireAfter ?? "the overlap"}.`,
  ];
}

/** The weaker proof is said to be weaker. */
function restartedOnly(verification: VerificationResult | undefined): string[] {
  const count = verification?.instances.filter(({ proof }) => proof === "restarted").length ?? 0;
  if (count === 0) return [];
  return [
    `${count} instances were not asked before the cut-over: that they started after it and fetched the new set is taken from the cluster and from their own logs (proof level restarted).`,
  ];
}
