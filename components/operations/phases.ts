import { type AnnounceRequest, type AnnounceResult, announce } from "./announce.ts";
import { connection } from "./connection.ts";
import { type CutoverRequest, type CutoverResult, cutOver } from "./cut-over.ts";
import { type EnforceRequest, type EnforceResult, enforce, retiredAt } from "./enforce.ts";
import { RotationError } from "./errors.ts";
import type { Findings, RunContext, VerificationAttempt, WholeFindings } from "./evidence.ts";
import type { PhaseRecord } from "./evidence-schema.ts";
import { type KeptCanaries, keepOf } from "./kept-canaries.ts";
import { KeycloakAdmin } from "./keycloak-admin.ts";
import { lostUnproven } from "./lost-keys.ts";
import {
  type CanaryFindings,
  type CanaryRequest,
  type CanaryResult,
  listNames,
  mintCanaries,
} from "./mint-canaries.ts";
import { askNewcomers, type NewcomersRequest } from "./newcomers.ts";
import { tellEnd, tellStart, told } from "./notify/run-notices.ts";
import { planCutover } from "./plan-cutover.ts";
import { type PublishedKey, publishKey } from "./publish-key.ts";
import { type Algorithm, listKeyComponents, listSigningKeys } from "./realm-keys.ts";
import { progressOf, report, runPhase } from "./run-phase.ts";
import { afterTheOthers, finished, underWay } from "./side-by-side.ts";
import { endTrace, inPhase } from "./telemetry.ts";
import { rollOutToken, type TokenRolloutRequest, type TokenRolloutResult } from "./token-rollout.ts";
import {
  type Beside,
  type VerificationRequest,
  type VerificationResult,
  verificationError,
  verifyRotation,
} from "./verify.ts";
import { type EvidenceBundle, writeEvidence } from "./write-evidence.ts";

type Run = { run: RunContext };
type Recorded = { record: PhaseRecord };
type AfterOthers = Run & { before: Findings };

async function adminOf({ run }: Run): Promise<KeycloakAdmin> {
  return new KeycloakAdmin(await connection(), run.realm);
}

/**
 * What has been found wrong with a realm before anything was touched. Of several realms, the others are rotated all
 * the same.
 * @throws {RotationError} REALM_REFUSED with every problem
 */
export async function checkPhase({ run, problems }: Run & { problems: string[] }): Promise<void> {
  // Its failure is to be told, for which the provider has to be configured.
  await connection();
  await runPhase(run, "check", { phases: [] }, async () => {
    if (problems.length > 0) throw realmRefused(run.realm, problems);
    return { result: undefined, summary: "the realm can be rotated" };
  });
}

function realmRefused(realm: string, problems: readonly string[]): RotationError {
  const list = problems.map((problem) => `\n  - ${problem}`).join("");
  return new RotationError(
    "REALM_REFUSED",
    `realm ${realm} can't be rotated; nothing of it was touched${list}\n  `,
    {
      nextStep: "mend what is listed, then run the same up again; the other realms are not held up by it",
    },
  );
}

export type CanaryPhaseRequest = Omit<CanaryRequest, "rotation" | "mode" | "stage" | "kept"> & Run;

/**
 * Phase 2: mint canaries and prove that every instance accepts them now.
 * @param previous what an earlier run has minted
 */
export async function canaryPhase(
  request: CanaryPhaseRequest,
  previous?: Partial<CanaryResult & Run>,
): Promise<CanaryResult & Recorded> {
  const admin = await adminOf(request);
  tellStart(request.run);
  const { rotation, mode, stage } = request.run;
  const { tokens, findings, run: before } = previous ?? {};
  const kept = tokens && findings ? { tokens, findings, rotation: before?.rotation ?? 0 } : undefined;
  const { result, record } = await runPhase(request.run, "canary", { phases: [] }, async () => {
    const minted = await mintCanaries(admin, { ...request, rotation, mode, stage, kept });
    return { result: minted, summary: describeBaseline(minted.findings) };
  });
  return { ...result, record };
}

function describeBaseline({ canaries, baseline, baselineSkipped }: CanaryFindings): string {
  if (canaries.length === 0) return "no key is about to retire";
  const kids = canaries.map(({ kid, algorithm }) => `${kid} (${algorithm})`).join(", ");
  if (baselineSkipped)
    return `have canaries of ${kids}; NO INSTANCE ANSWERS, so nothing can be proven by replay`;
  const silent = baseline
    .filter(({ verdicts }) => verdicts.some(({ verdict }) => verdict.kind !== "accepted"))
    .map(({ instance }) => instance);
  const accepting = `${baseline.length - silent.length} of ${baseline.length} instances accept them`;
  return `have canaries of ${kids}; ${accepting}${silent.length > 0 ? `, not ${listNames(silent)}` : ""}`;
}

export type SigningKeyRequest = AfterOthers & { algorithm: Algorithm; keySize: number };

/** Phase 3: publish one new key, enabled and not signing yet. */
export async function publishPhase(request: SigningKeyRequest): Promise<PublishedKey & Recorded> {
  const admin = await adminOf(request);
  const { run, before, algorithm, keySize } = request;
  const { result, record } = await runPhase(run, "publish", before, async () => {
    const key = await publishKey(admin, run.rotation, algorithm, keySize);
    return { result: key, summary: `published ${key.kid} (${algorithm}), not signing yet` };
  });
  return { ...result, record };
}

/** Whether a key component is still in the realm. */
export async function keyComponentExists(realm: string, componentId: string): Promise<boolean> {
  const components = await listKeyComponents(new KeycloakAdmin(await connection(), realm));
  return components.some(({ id }) => id === componentId);
}

export type AnnouncePhaseRequest = AfterOthers & AnnounceRequest;
export interface AnnounceOutputs {
  /** The keys that every instance has been told of. */
  announced: string[];
  /** Null where nobody had to be told; left out, it would count as not known yet in every preview. */
  result: AnnounceResult | null;
  record: PhaseRecord | null;
}

/** Whether a run has keys to announce: an emergency has no time, and a rollback none that are new. */
export function isAnnounced({ mode, stage }: Pick<RunContext, "mode" | "stage">): boolean {
  return mode === "planned" && stage === "overlap";
}

/** Phase 4: have every instance know the new keys before they sign. */
export async function announcePhase(request: AnnouncePhaseRequest): Promise<AnnounceOutputs> {
  if (!isAnnounced(request.run)) return { announced: [], result: null, record: null };
  const admin = await adminOf(request);
  const { result, record } = await runPhase(request.run, "announce", request.before, async () => {
    const told = await announce(admin, request, progressOf("announce", request.run));
    return { result: told, summary: describeAnnounced(told) };
  });
  return { announced: request.newKids, result, record };
}

function describeAnnounced({ known, unproven, restarts }: AnnounceResult): string {
  const done = restarts.filter(({ outcome }) => outcome === "done").map(({ subject }) => subject);
  return [
    `${known.length} of ${known.length + unproven.length} instances show that they know the new keys`,
    ...(unproven.length > 0
      ? [`${listNames(unproven)} fetched anew but did not say which keys, so that is not proven`]
      : []),
    ...(done.length > 0 ? [`restarted ${listNames(done)}`] : []),
  ].join("; ");
}

export type CutoverPhaseRequest = AfterOthers &
  Omit<CutoverRequest, "canary" | "earlier" | "askNewcomers" | "mode" | "stage"> &
  Omit<NewcomersRequest, "canaries" | "baseline"> & { settled?: boolean; actions: string[] };

/** Phase 5, and the retirement later: make the signing keys what the run's mode and stage want, and see it published. */
export async function cutoverPhase(
  request: CutoverPhaseRequest,
  previous?: Partial<Run> & { result?: CutoverResult; before?: Findings },
): Promise<Recorded & { result: CutoverResult; settled: boolean }> {
  const admin = await adminOf(request);
  const { result, record } = await runPhase(request.run, "cut-over", request.before, async () => {
    const canary = request.before.canary ?? nothingBefore(request.before);
    // What an earlier attempt has retired is proven with the canaries of its time, so only where they are the same.
    const isRetry = previous?.before?.canary?.keysBeforeAt === canary.keysBeforeAt;
    const { retired = [], newcomers: known = [] } = (isRetry ? previous?.result : undefined) ?? {};
    const lost = request.before.canary ? lostUnproven(request.run, request.before.canary, previous) : [];
    const earlier = [...lost.filter(({ kid }) => !retired.some((key) => key.kid === kid)), ...retired];
    const { canaries = [], baseline = [] } = request.before.canary ?? {};
    const ask = () => askNewcomers({ ...request, canaries, baseline: [...baseline, ...known] });
    const { mode, stage } = request.run;
    const goal = { ...request, mode, stage, canary, earlier, askNewcomers: ask };
    const done = await cutOver(admin, goal, (line) => report("cut-over", line, request.run));
    const cutover = { ...done, newcomers: [...known, ...done.newcomers] };
    return { result: cutover, summary: describeCutover(cutover) };
  });
  return { result, record, settled: true };
}

function describeCutover({ signers, passive, retireAfter, retired, deleted }: CutoverResult): string {
  const list = (keys: readonly { kid: string; algorithm: string }[]) =>
    keys.map(({ kid, algorithm }) => `${kid} (${algorithm})`).join(", ");
  return [
    `${list(signers)} sign${signers.length === 1 ? "s" : ""}`,
    ...(passive.length > 0 ? [`${list(passive)} passive until ${retireAfter ?? "retired"}`] : []),
    `retired ${list(retired) || "none"}`,
    ...(deleted.length > 0 ? [`deleted ${list(deleted)}`] : []),
  ].join("; ");
}

function nothingBefore({ phases }: Findings): CutoverRequest["canary"] {
  return { keysBefore: [], keysBeforeAt: phases[0]?.startedAt ?? new Date().toISOString(), canaries: [] };
}

/** Whether the realm's keys still are as a cut-over leaves them. */
export async function isSettled(request: CutoverPhaseRequest): Promise<boolean> {
  const keys = await listSigningKeys(await adminOf(request));
  try {
    const { mode, stage } = request.run;
    const { activate, passivate, disable } = planCutover(keys, { ...request, mode, stage });
    return activate.length + passivate.length + disable.length === 0;
  } catch {
    // The managed key is gone or disabled: as unsettled as can be.
    return false;
  }
}

export type RefreshPhaseRequest = EnforceRequest & Run & { complete?: boolean };

/**
 * Phase 7: refresh every instance, and restart what can't be refreshed. An instance that can't be brought to it is a
 * result; the verification decides.
 */
export function refreshPhase(request: RefreshPhaseRequest): Promise<RefreshOutputs> {
  return underWay(request.run, () => inPhase(request.run, "enforce", () => refreshAll(request)));
}

export type RefreshOutputs = Recorded & Pick<EnforceResult, "results" | "restarts"> & { complete: boolean };

async function refreshAll(request: RefreshPhaseRequest): Promise<RefreshOutputs> {
  const startedAt = new Date().toISOString();
  const say = progressOf("enforce", request.run);
  const { results, restarts, failures, open } = await enforce(request, say);
  const failed = results.filter(({ outcome }) => outcome === "failed");
  const done = restarts.filter(({ outcome }) => outcome === "done").map(({ subject }) => subject);
  for (const { instance, reason, attempts } of failed.slice(0, 20)) {
    say(`${instance} not refreshed after ${attempts} attempts: ${reason}`);
  }
  for (const failure of failures) say(failure);
  const unrefreshed = failed.length > 0 ? `, not ${listNames(failed.map(({ instance }) => instance))}` : "";
  const summary = [
    `${results.length - failed.length} of ${results.length} instances say they have refreshed${unrefreshed}`,
    ...(done.length > 0 ? [`restarted ${listNames(done)}`] : []),
    ...(open.length > 0 ? [listNames(open)] : []),
    ...failures,
  ].join("; ");
  // Where no key was retired, nothing that an instance may keep is wrong.
  const complete = failures.length + (request.retired.length > 0 ? open.length : 0) === 0;
  const record: PhaseRecord = {
    phase: "enforce",
    outcome: complete ? "done" : "failed",
    startedAt,
    finishedAt: new Date().toISOString(),
    summary,
  };
  return { results, restarts, complete, record };
}

export type VerificationPhaseRequest = Run &
  Omit<VerificationRequest, "retiredAt" | "earlier"> & {
    after: string;
    revokedAt: string | null;
    internalKeysAt: string | null;
  };
export type VerificationOutputs = Recorded & {
  verified: boolean;
  result: VerificationResult;
  /** The cut-over that was verified. */
  verifiedAfter: string;
  attempts: VerificationAttempt[];
  /** Secret. Canaries of keys that were retired, and of which nobody has shown since that they are dead. */
  earlier: KeptCanaries;
};

type VerifiedBefore = VerificationOutputs & VerificationPhaseRequest;

/** Phase 8: verify on every instance. The result is kept, red or green; `Evidence` makes a red one fail the run. */
export function verificationPhase(
  request: VerificationPhaseRequest,
  before?: VerifiedBefore,
): Promise<VerificationOutputs> {
  return underWay(request.run, () => inPhase(request.run, "verify", () => verifyAll(request, before)));
}

async function verifyAll(
  request: VerificationPhaseRequest,
  before?: VerifiedBefore,
): Promise<VerificationOutputs> {
  const open = stillOpen(request, before);
  const earlier = before?.verifiedAfter === request.after ? before : undefined;
  const attempts = before?.run.rotation === request.run.rotation ? before.attempts : [];
  const result = await verifyRotation(
    await adminOf(request),
    {
      ...request,
      earlier: open,
      beside: besideNow(request.beside, before, earlier !== undefined),
      retiredAt: retiredAt(request),
    },
    earlier?.result.instances,
  );
  const { startedAt, finishedAt, verified, failures, instances } = result;
  const good = instances.filter((one) => one.verified).length;
  const summary = `${good} of ${instances.length} instances proven${verified ? "" : "; NOT VERIFIED"}`;
  report("verify", summary, request.run);
  return {
    verified,
    result,
    verifiedAfter: request.after,
    attempts: [...attempts, { startedAt, finishedAt, verified, failures }],
    earlier: verified ? nothingOpen : open,
    record: { phase: "verify", outcome: verified ? "done" : "failed", startedAt, finishedAt, summary },
  };
}

const nothingOpen: KeptCanaries = { canaries: [], canaryTokens: {} };

/** A red verification is not made up for by the next rotation: its keys go on being asked about until one is green. */
function stillOpen({ retired }: VerificationPhaseRequest, before?: VerifiedBefore): KeptCanaries {
  if (!before || before.verified) return nothingOpen;
  const { canaries: older, canaryTokens: olderTokens } = before.earlier ?? nothingOpen;
  const dead = before.canaries.filter(({ kid }) => before.retired.some((key) => key.kid === kid));
  const canaries = [...new Map([...older, ...dead].map((one) => [one.kid, one])).values()].filter(
    ({ kid }) => !retired.some((key) => key.kid === kid),
  );
  return keepOf(canaries, { ...olderTokens, ...before.canaryTokens });
}

/** What was thawed after a green verification is not frozen again by the next one of the same rotation. */
function besideNow(beside: Beside, before: VerifiedBefore | undefined, isLater: boolean): Beside {
  const { freeze, ...others } = beside.orders;
  const isThawed = freeze && before?.verified === true && freeze.since < before.result.finishedAt;
  const now = isThawed ? { ...beside, orders: others } : beside;
  return isLater ? forgotten(now) : now;
}

/** In a later run, an instance that had been told may have been restarted by anybody and know nothing of it. */
function forgotten({ orders: { freeze, deny }, ...rest }: Beside): Beside {
  const orders = {
    ...(freeze ? { freeze: { ...freeze, on: [] } } : {}),
    ...(deny ? { deny: { ...deny, on: [] } } : {}),
  };
  return { ...rest, orders };
}

export type EvidenceRequest = Run & { findings: WholeFindings; isThawing: boolean };

export interface EvidenceOutputs extends Omit<EvidenceBundle, "evidence"> {
  /** Null where no key was retired. */
  exposureWindowMs: number | null;
}

/**
 * Phase 9: write the bundle, then fail where the rotation is not verified.
 * @throws {RotationError} VERIFICATION_FAILED, EVIDENCE_NOT_WRITTEN
 */
export async function evidencePhase({ run, findings, isThawing }: EvidenceRequest): Promise<EvidenceOutputs> {
  const bundle = await writeEvidence(run, findings).catch(async (error: unknown) => {
    tellEnd(run, "failed");
    const traced = endTrace(run, "EVIDENCE_NOT_WRITTEN");
    await afterTheOthers(run);
    await Promise.all([told(run), traced]);
    throw error;
  });
  const { evidence, directory, reportPath, digest } = bundle;
  report("evidence", reportPath, run);
  if (!findings.verification.verified) {
    tellEnd(run, "failed", evidence);
    const traced = endTrace(run, "VERIFICATION_FAILED");
    await afterTheOthers(run);
    await Promise.all([told(run), traced]);
    throw verificationError(findings.verification, reportPath, findings.restarts);
  }
  if (!isThawing) finished(run);
  tellEnd(run, "verified", evidence);
  await Promise.all([told(run), endTrace(run)]);
  const window = evidence.exposureWindow;
  return { directory, reportPath, digest, exposureWindowMs: window?.ms ?? null };
}

export type TokenRolloutPhaseRequest = TokenRolloutRequest;

/** After the rotation: have every pod of a target take the refresh token of its Secret. */
export async function tokenRolloutPhase(request: TokenRolloutPhaseRequest): Promise<TokenRolloutResult> {
  const result = await rollOutToken(request, progressOf("token"));
  const how = result.restarted.length > 0 ? `restarted ${listNames(result.restarted)}; ` : "";
  report("token", `${how}${result.pods.length} pods of target ${request.target.name} take the refresh token`);
  return result;
}
