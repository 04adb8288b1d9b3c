import type { Mode, RunContext } from "../base/run-context.ts";
import type { AnnounceResult } from "../enforce/announce.ts";
import type { CutoverResult } from "../keys/cut-over.ts";
import { isTrusted } from "../keys/realm-keys.ts";
import { isKilledByUs, type RetiredKey } from "../keys/retired-key.ts";
import type { CanaryFindings } from "../proof/canary-findings.ts";
import type { LedgerEntry } from "../proof/ledger/ledger.ts";
import { isRelapsed } from "../proof/relapse.ts";
import type { VerificationResult } from "../proof/verify.ts";
import { type Evidence, type PhaseRecord, schemaVersion } from "./evidence-schema.ts";
import type { EmergencyFindings, Findings } from "./findings.ts";
import { notProven } from "./not-proven.ts";

/** Puts the findings together as evidence. Pure. */
export function buildEvidence(run: RunContext, findings: Findings, writtenAt: string): Evidence {
  const { phases, prepared, cutover, enforced, emergency, proof, watch } = findings;
  const canary = prepared?.canary;
  const verification = proof?.verification;
  const retired = retiredKeys(cutover, verification);
  const proving = provingOf(canary, retired);
  // What counts is the proof: a failed refresh that the verification has repaired does not fail the run.
  const relapsed = watch !== undefined && isRelapsed(watch);
  const verified = verification?.verified === true && !relapsed;
  const isCause = ({ phase, outcome }: PhaseRecord) =>
    outcome === "failed" && (!relapsed || phase === "watch");
  const failed = verified ? undefined : phases.find(isCause);
  // What came back is open again.
  const window = relapsed ? undefined : exposureWindow({ retired }, verification);
  return {
    schemaVersion,
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
    published: prepared?.published ?? [],
    signers: cutover?.signers ?? [],
    passive: cutover?.passive ?? [],
    ...(cutover?.retireAfter ? { retireAfter: cutover.retireAfter } : {}),
    retired,
    deleted: cutover?.deleted ?? [],
    jwksReadBack: cutover?.jwksReadBack ?? [],
    canaries: proving.canaries,
    baseline: [...proving.baseline, ...(cutover?.newcomers ?? [])],
    ...(prepared?.announced ? { announced: announcement(prepared.announced) } : {}),
    ...emergencyActions(emergency),
    refresh: enforced?.refresh ?? [],
    restarts: enforced?.restarts ?? [],
    ...(verification ? { verification } : {}),
    ...(watch ? { watch } : {}),
    attempts: proof?.attempts ?? [],
    ...(window ? { exposureWindow: window } : {}),
    ...whatIsNotProven(findings, run.mode),
  };
}

/** The dead keys that instances were to be shown to refuse: also those that died only after the cut-over. */
function retiredKeys(
  cutover: Pick<CutoverResult, "retired"> | undefined,
  verification: Pick<VerificationResult, "ledger"> | undefined,
): RetiredKey[] {
  const { retired = [] } = cutover ?? {};
  const isNew = ({ kid, closedFor }: LedgerEntry) =>
    closedFor === undefined && !retired.some((key) => key.kid === kid);
  const others = (verification?.ledger ?? []).filter(isNew);
  return [...retired, ...others.map(({ status: _status, left: _left, ...key }) => key)];
}

/** The canary tokens of those keys, and of the keys that were trusted; others that are kept prove nothing here. */
function provingOf(
  canary: CanaryFindings | undefined,
  retired: readonly RetiredKey[],
): Pick<CanaryFindings, "canaries" | "baseline"> {
  if (!canary) return { canaries: [], baseline: [] };
  const trusted = canary.keysBefore.filter(isTrusted);
  const isDue = ({ kid }: { kid: string }) => [...trusted, ...retired].some((key) => key.kid === kid);
  const baseline = canary.baseline.map((one) => ({ ...one, verdicts: one.verdicts.filter(isDue) }));
  return {
    canaries: canary.canaries.filter(isDue),
    baseline: baseline.filter(({ verdicts }) => verdicts.length > 0),
  };
}

/** The failures first. */
function whatIsNotProven(findings: Findings, mode: Mode): Pick<Evidence, "notProven" | "scope"> {
  const { failed, limits } = notProven(findings, mode);
  return { notProven: [...failed, ...limits], scope: limits };
}

function emergencyActions({ freeze, sessions, internalKeys }: EmergencyFindings = {}): EmergencyFindings {
  return {
    ...(freeze ? { freeze } : {}),
    ...(sessions ? { sessions } : {}),
    ...(internalKeys ? { internalKeys } : {}),
  };
}

/** Which instances knew the new keys before these signed. */
function announcement({ results, restarts, known, unproven }: AnnounceResult): Evidence["announced"] {
  return { known, unproven, refresh: results, restarts };
}

/** From the first retired key's disabling to the last instance's proof; undefined while any instance is unproven. */
export function exposureWindow(
  cutover: Pick<CutoverResult, "retired"> | undefined,
  verification: Pick<VerificationResult, "instances" | "unseen"> | undefined,
): Evidence["exposureWindow"] {
  // When somebody else has disabled a key is not known.
  const ours = (cutover?.retired ?? []).filter(isKilledByUs);
  const first = ours.toSorted((a, b) => (a.disabledAt < b.disabledAt ? -1 : 1))[0];
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
    exact: ours.every((key) => key.disabledAtIsExact),
  };
}
